//! What a service manager is told of a role: that it is ready, reads its certificate again, stops, and is alive.
//!
//! systemd names a socket in `NOTIFY_SOCKET` for services of `Type=notify`, and in `WATCHDOG_USEC` how long it waits for a
//! sign of life before it starts the service anew. Without these variables nothing is sent. git never sees them, because
//! it is started with a clean environment.

use std::time::Duration;

use sd_notify::NotifyState;

/// Signs of life in the time after which the service manager takes the service for dead.
const SIGNS_OF_LIFE_PER_LIMIT: u32 = 3;
/// However short that time is, they are sent no faster.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// The role serves at this address.
pub fn ready(base_url: &str) {
    let status = format!("serves at {base_url}");
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// The certificate is read again; [`ready`] ends this.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        // systemd 253 and newer tells by the time that this belongs to the reload that it has asked for.
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "cannot read the clock"),
    }
}

/// Running requests may finish, then the role ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("lets running requests finish")]);
}

/// Sends signs of life until the process ends, if the service manager wants them. They come from a task like all others: they
/// stop when no task gets on any more, and not because a synchronisation or a clone takes long.
pub fn send_signs_of_life() {
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return;
    };
    let pause = (limit / SIGNS_OF_LIFE_PER_LIMIT).max(SHORTEST_PAUSE);
    tracing::info!(limit_ms = limit.as_millis(), "the service manager wants signs of life");
    tokio::spawn(async move {
        let mut next = tokio::time::interval(pause);
        loop {
            next.tick().await;
            tell(&[NotifyState::Watchdog]);
        }
    });
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the service manager cannot be told how the role is"
        );
    }
}
