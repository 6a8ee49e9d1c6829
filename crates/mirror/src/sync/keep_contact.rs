//! Tells the upstream how far this mirror is, every few seconds and when that has changed, so that both sides know soon
//! that the other is there, or is not.
//!
//! When the upstream comes back, or another process answers as it, all is compared with it at once: it may have been restored
//! from a backup so soon that its absence was not noticed. What is known of it is noted for the next process. When
//! it has refused a signature, nothing is served until it has accepted one, and it is asked at once whether it does.

use std::sync::Arc;
use std::time::Duration;

use heliostat_api::models::RestMirrorCopies;
use heliostat_auth::Secret;
use heliostat_peer::{BackOff, CallError, Clock};
use heliostat_storage::MirroredRepository;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::sweep::SweepSignal;
use super::sweep_progress::SweepProgress;
use crate::inventory::{Inventory, SelectedProjects};
use crate::upstream_link::{Heartbeat, LinkEvent, UpstreamClient, UpstreamLink, refuses_our_secret};

/// How often the upstream is told without any change.
const INTERVAL: Duration = Duration::from_secs(10);

/// How long changes are gathered before the upstream is told of them. It has heard by then that its event has arrived.
const NEWS_PAUSE: Duration = Duration::from_millis(500);

/// When an upstream that did not answer is told again.
const RETRY: BackOff = BackOff::new(Duration::from_secs(1), Duration::from_secs(10));

/// How often what is known of the upstream is noted; besides at the end of the process.
const NOTE_INTERVAL: Duration = Duration::from_secs(60);

/// How much of a failure the upstream is told, in characters.
const MAX_FAILURE_LENGTH: usize = 1_000;

/// Keeps in contact with the upstream.
pub(crate) struct KeepContact {
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) client: UpstreamClient,
    pub(crate) heartbeat: Arc<Heartbeat>,
    pub(crate) selection: Arc<SelectedProjects>,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) sweep_signal: Arc<SweepSignal>,
    pub(crate) sweep_progress: Arc<SweepProgress>,
    pub(crate) clock: Clock,
}

impl KeepContact {
    /// Ends with the token.
    pub(crate) async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep_in_contact() => {}
        }
        self.note().await;
    }

    async fn keep_in_contact(&self) {
        let contact = self.link.contact();
        let (mut failures, mut listens) = (0, true);
        let mut noted_at = Instant::now();
        loop {
            tokio::select! {
                () = contact.turned() => {
                    listens = true;
                    self.take_in_turn();
                    continue;
                }
                () = self.heartbeat.upstream_restarted() => {
                    self.sweep_signal.wake();
                    continue;
                }
                () = self.link.doubted() => {}
                () = contact.news() => tokio::time::sleep(NEWS_PAUSE).await,
                () = tokio::time::sleep(self.pause(failures)) => {}
            }
            match self.tell(&mut listens).await {
                Ok(()) => failures = 0,
                Err(_) => failures += 1,
            }
            if noted_at.elapsed() >= NOTE_INTERVAL {
                noted_at = Instant::now();
                self.note().await;
            }
        }
    }

    fn take_in_turn(&self) {
        if self.link.facts().reachable {
            tracing::info!(upstream.url = %self.link.url(), "the upstream answers again");
            self.sweep_signal.wake();
        } else {
            let why = self.link.contact().why_away().unwrap_or_default();
            tracing::warn!(
                upstream.url = %self.link.url(),
                error = why,
                "the upstream does not answer; what it has from now on is not known"
            );
        }
    }

    fn pause(&self, failures: u32) -> Duration {
        if self.link.facts().reachable || !self.link.is_installed() {
            INTERVAL
        } else {
            RETRY.after(failures.max(1))
        }
    }

    /// Tells the upstream which process this is and how far it is, if it listens to that.
    async fn tell(&self, listens: &mut bool) -> Result<(), CallError> {
        if let Some(secret) = self.link.secret().filter(|_| self.link.is_in_doubt()) {
            self.end_doubt(&secret).await?;
        }
        let Some(secret) = self.link.secret_in_force() else { return Ok(()) };
        self.heartbeat.beat(&secret).await?;
        if *listens {
            *listens = self.client.tell_standing(self.copies(), &secret).await?;
        }
        Ok(())
    }

    /// Asks the upstream once more whether it accepts the signature that it has refused. A second refusal ends the link until
    /// it does.
    async fn end_doubt(&self, secret: &Secret) -> Result<(), CallError> {
        match self.client.server_time_ms(secret).await {
            Ok(_) => {
                self.sweep_signal.wake();
                Ok(())
            }
            // Unless the link was made anew meanwhile.
            Err(error) if refuses_our_secret(&error) && self.link.is_in_doubt() => {
                if let Err(error) = self.link.apply(LinkEvent::SecretRefused, Some(error.to_string())).await {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "cannot record the state of the upstream"
                    );
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn copies(&self) -> RestMirrorCopies {
        let (counts, sweeps) = (self.inventory.counts(), self.sweep_progress.state());
        let int32 = |count| i32::try_from(count).unwrap_or(i32::MAX);
        let now_ms = self.clock.now_ms();
        RestMirrorCopies {
            discovering: !sweeps.has_looked_for(&self.selection.current()),
            mirrored_repos: int32(counts.total),
            in_step_repos: int32(counts.in_step),
            lag_millis: counts.lag_ms(now_ms),
            last_sync_date: counts.last_sync_at,
            failing_repos: Some(int32(counts.failing)),
            failure: counts.first_failing.map(|failing| failure_of(&failing)),
        }
    }

    async fn note(&self) {
        if let Err(error) = self.link.note_contact().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot note when the upstream was last in contact"
            );
        }
    }
}

/// Which repository could not be synchronised, and why.
fn failure_of(failing: &MirroredRepository) -> String {
    let reason = failing.last_error.as_deref().unwrap_or("it is not known why");
    let text = format!("{}/{}: {reason}", failing.project_key, failing.slug);
    text.chars().take(MAX_FAILURE_LENGTH).collect()
}
