//! Keeps the lease of this mirror: takes it as soon as the upstream gives leases, and renews it well before it is over.
//! Whether it gives some is asked anew when another process speaks as the upstream.

use std::sync::Arc;
use std::time::Duration;

use heliostat_api::models::RestLease;
use heliostat_peer::CallError;
use heliostat_storage::UpstreamState;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::sweep::SweepSignal;
use super::sweep_progress::SweepProgress;
use crate::upstream_link::{UpstreamClient, UpstreamLink};

/// How often an upstream is asked that gives no leases: it may be started anew with another setting.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// How soon a lease is asked for again that was not granted: events may have been on their way.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// A lease is renewed so many times while it lasts.
const RENEWALS: u32 = 4;

/// After so many refusals in a row all is compared with the upstream: it may know of something that was missed.
const REFUSALS_BEFORE_COMPARISON: u32 = 2;

/// Keeps the lease.
pub(crate) struct HoldLease {
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) client: UpstreamClient,
    pub(crate) sweep_signal: Arc<SweepSignal>,
    pub(crate) sweep_progress: Arc<SweepProgress>,
}

impl HoldLease {
    /// Ends with the token.
    pub(crate) async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.hold() => {}
        }
    }

    async fn hold(&self) {
        let (mut refusals, mut was_over) = (0_u32, false);
        loop {
            let pause = match self.ask().await {
                Ok(Some(lease)) if lease.duration_millis > 0 => {
                    refusals = if lease.granted { 0 } else { refusals + 1 };
                    if refusals > 0 && refusals.is_multiple_of(REFUSALS_BEFORE_COMPARISON) {
                        self.sweep_signal.wake();
                    }
                    let lasts = Duration::from_millis(u64::try_from(lease.duration_millis).unwrap_or(0));
                    let renewal = lasts / RENEWALS;
                    if lease.granted { renewal } else { TRY_AGAIN.min(renewal) }
                }
                Ok(_) | Err(_) if self.link.lease().is_needed() => TRY_AGAIN,
                Ok(_) | Err(_) => ASK_AGAIN,
            };
            let is_over = self.link.lease().is_over();
            if is_over != std::mem::replace(&mut was_over, is_over) {
                match is_over {
                    true => tracing::warn!(
                        "the lease of this mirror is over; the upstream answers its readers until it is renewed"
                    ),
                    false => tracing::info!("this mirror holds its lease again"),
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.link.lease().to_be_asked() => {}
                () = self.link.becoming_installed(UpstreamState::Installed) => {}
            }
        }
    }

    /// `None` when there is no upstream to ask, or the upstream gives no leases.
    async fn ask(&self) -> Result<Option<RestLease>, CallError> {
        let lease = self.link.lease();
        // While the upstream refuses its signature this mirror gets no lease, and the one that it holds comes to its end.
        let Some(secret) = self.link.secret_in_force() else { return Ok(None) };
        let compared_ago = self.sweep_progress.compared_since().map(|began: Instant| began.elapsed());
        let asked = lease.moment();
        let answer = self.client.take_lease(compared_ago, &secret).await?;
        let are_needed = answer.as_ref().is_some_and(|answer| answer.duration_millis > 0);
        // Before it is relied on.
        if let Err(error) = self.link.note_leases(are_needed).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot note whether the upstream lets changes wait for mirrors with leases"
            );
        }
        lease.take_in(asked, answer.as_ref());
        Ok(answer)
    }
}
