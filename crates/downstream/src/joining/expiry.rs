//! Forgets open requests about which no administrator has decided in time, so that requests of unauthenticated clients
//! do not pile up.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::requests::Joining;

/// Longest pause between two looks; where requests live shorter, one looks as often as that.
const MAX_PAUSE: Duration = Duration::from_hours(1);

impl Joining {
    /// Looks again and again, until `stop` is cancelled.
    pub(crate) async fn keep_requests_fresh(self: Arc<Self>, stop: CancellationToken) {
        let pause = self.request_lifetime.min(MAX_PAUSE);
        loop {
            if let Err(error) = self.forget_expired_requests().await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "cannot forget requests of mirrors about which no administrator has decided"
                );
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}
