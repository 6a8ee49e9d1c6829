//! The life of a role in this process: ready line, running, draining.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use heliostat_server::{LogLevel, RunningRole};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::service_manager;
use crate::options::COMMIT;
use crate::output;

/// File below the data directory in which a first start leaves the generated password.
pub const ADMIN_PASSWORD_FILE: &str = "admin-password";

/// `timeout`, and others that pass signals on, tell a process to stop and then its whole group: that is one order, not two.
const SAME_ORDER: Duration = Duration::from_millis(500);

/// Says that the role is ready, and returns once it was told to stop and has drained. SIGHUP has it read its certificate
/// again, SIGUSR1 changes how much is logged.
pub async fn until_stopped(
    name: &str,
    role: RunningRole,
    drain_timeout: Duration,
    mut signals: Signals,
) -> anyhow::Result<()> {
    // Before the ready line: a script that waits for that line may send a signal at once.
    let mut stop = StopSignal::listen()?;
    let base_url = role.base_url().as_str().trim_end_matches('/');
    output::line(&format!("heliostat {name} ready at {base_url}"));
    tracing::info!(
        role = name,
        version = env!("CARGO_PKG_VERSION"),
        commit = COMMIT,
        base_url,
        address = %role.address(),
        "role is ready"
    );
    service_manager::ready(base_url);
    service_manager::send_signs_of_life();
    loop {
        tokio::select! {
            () = stop.received() => break,
            () = signals.obey(&role, base_url) => {}
        }
    }
    service_manager::stopping();
    tracing::info!(
        role = name,
        drain_timeout_ms = u64::try_from(drain_timeout.as_millis()).unwrap_or(u64::MAX),
        "stopping: running requests may finish"
    );
    drain(role, drain_timeout, &mut stop).await;
    Ok(())
}

/// Lets running requests finish, until `drain_timeout` has passed, and closes the database; another signal ends it all.
pub async fn drain(role: RunningRole, drain_timeout: Duration, stop: &mut StopSignal) {
    let told_at = Instant::now();
    let stopped = async {
        if tokio::time::timeout(drain_timeout, role.drain()).await.is_err() {
            tracing::warn!("requests were still running when the time to drain was over");
        }
        role.close().await;
    };
    tokio::select! {
        () = stopped => {}
        () = stop.received_again(told_at) => tracing::warn!("stopped at once by a second signal"),
    }
}

/// Ctrl-C and SIGTERM, which no longer end the process by themselves once this exists.
pub struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignal {
    /// Catches the signals from now on.
    pub fn listen() -> anyhow::Result<Self> {
        let catch = |kind| signal(kind).context("cannot catch signals");
        Ok(Self { interrupt: catch(SignalKind::interrupt())?, terminate: catch(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits for one that is another order than the one of that moment.
    async fn received_again(&mut self, told_at: Instant) {
        loop {
            self.received().await;
            if told_at.elapsed() >= SAME_ORDER {
                return;
            }
        }
    }
}

/// SIGHUP and SIGUSR1, which no longer end the process once this exists.
pub struct Signals {
    hang_up: Signal,
    user_defined: Signal,
    log_level: LogLevel,
}

impl Signals {
    /// Catches the signals from now on: before the role starts, because what renews certificates does not know how far it is.
    pub fn listen(log_level: LogLevel) -> anyhow::Result<Self> {
        let catch = |kind| signal(kind).context("cannot catch signals");
        Ok(Self {
            hang_up: catch(SignalKind::hangup())?,
            user_defined: catch(SignalKind::user_defined1())?,
            log_level,
        })
    }

    /// Waits for the next one, and does what it says.
    async fn obey(&mut self, role: &RunningRole, base_url: &str) {
        tokio::select! {
            _ = self.hang_up.recv() => {
                service_manager::reloading();
                role.reload();
                service_manager::ready(base_url);
            }
            _ = self.user_defined.recv() => self.change_log_level(),
        }
    }

    fn change_log_level(&self) {
        match self.log_level.toggle() {
            Ok(level) => tracing::warn!(level, "a signal has changed the log level"),
            Err(error) => tracing::error!(error = %error, "the log level stays as it is"),
        }
    }
}

/// Tells where the administrator's password is, once: on the start that wrote it.
pub struct PasswordNotice {
    was_there: bool,
    path: PathBuf,
}

impl PasswordNotice {
    /// Looks before the role starts.
    pub fn before_start(data: &Path) -> Self {
        let path = data.join(ADMIN_PASSWORD_FILE);
        Self { was_there: path.exists(), path }
    }

    /// Tells after it has started, on standard error.
    pub fn after_start(self) {
        if !self.was_there && self.path.exists() {
            output::hint(&format!(
                "The password of the user admin was generated and is in {}",
                self.path.display()
            ));
        }
    }
}
