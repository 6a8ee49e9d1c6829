//! What was said in the upstream's name and is not confirmed yet.
//!
//! Some upstreams tell of an installation, or of its end, before it is in force with themselves: they wait for the answer
//! first. So what cannot be confirmed at once is kept here for a moment, and the upstream is asked again.

use std::time::Duration;

use heliostat_refusal::Refusal;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::install::InstalledEvent;

/// How many installations wait at the same time. Anyone can post one.
const MAX_INSTALLATIONS: usize = 4;
/// How long the upstream may take to confirm what it has said.
const CONFIRMATION_LIMIT: Duration = Duration::from_mins(2);
/// How long to wait before the upstream is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// An installation that the upstream has not confirmed.
#[derive(Debug, Clone)]
pub(crate) struct ClaimedInstallation {
    pub(crate) event: InstalledEvent,
    /// Whether it was signed with the present secret.
    pub(crate) is_signed: bool,
}

/// What waits to be confirmed.
#[derive(Debug, Default)]
pub(crate) struct Unconfirmed {
    installations: Mutex<Vec<(Instant, ClaimedInstallation)>>,
    end: Mutex<Option<Instant>>,
    news: Notify,
}

impl Unconfirmed {
    /// Keeps an installation, if not too many wait.
    pub(crate) fn keep_installation(&self, claim: ClaimedInstallation) -> Result<(), Refusal> {
        let mut waiting = self.installations.lock();
        waiting.retain(|(since, _)| is_recent(*since));
        if waiting.len() >= MAX_INSTALLATIONS {
            let message = format!("{MAX_INSTALLATIONS} installations wait for the upstream to confirm them.");
            return Err(Refusal::unavailable(message));
        }
        waiting.push((Instant::now(), claim));
        self.news.notify_one();
        Ok(())
    }

    /// Keeps the news that the upstream has ended the link.
    pub(crate) fn keep_end(&self) {
        *self.end.lock() = Some(Instant::now());
        self.news.notify_one();
    }

    /// Waits until the upstream is to be asked.
    pub(crate) async fn is_due(&self) {
        if self.installations.lock().is_empty() && self.end.lock().is_none() {
            self.news.notified().await;
        } else {
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        }
    }

    /// The installations that may still be confirmed.
    pub(crate) fn installations(&self) -> Vec<ClaimedInstallation> {
        let mut waiting = self.installations.lock();
        waiting.retain(|(since, _)| is_recent(*since));
        waiting.iter().map(|(_, claim)| claim.clone()).collect()
    }

    /// Whether the end of the link may still be confirmed.
    pub(crate) fn awaits_end(&self) -> bool {
        let mut end = self.end.lock();
        *end = end.filter(|since| is_recent(*since));
        end.is_some()
    }

    /// Nothing that was said before counts any more: the link has begun anew, or has ended.
    pub(crate) fn forget(&self) {
        self.installations.lock().clear();
        *self.end.lock() = None;
    }
}

fn is_recent(since: Instant) -> bool {
    since.elapsed() < CONFIRMATION_LIMIT
}

#[cfg(test)]
mod tests {
    use heliostat_auth::Secret;

    use super::*;
    use crate::upstream_link::install::UpstreamMake;

    fn claim() -> ClaimedInstallation {
        let event = InstalledEvent {
            client_key: "upstream".to_owned(),
            shared_secret: Secret::new("a secret of some length"),
            base_url: None,
            settings: None,
            make: UpstreamMake::Other,
        };
        ClaimedInstallation { event, is_signed: false }
    }

    #[tokio::test(start_paused = true)]
    async fn claims_are_few_and_wait_for_a_moment_only() {
        let unconfirmed = Unconfirmed::default();
        for _ in 0..MAX_INSTALLATIONS {
            unconfirmed.keep_installation(claim()).expect("there is room");
        }
        tokio::time::advance(CONFIRMATION_LIMIT / 2).await;
        assert!(unconfirmed.keep_installation(claim()).is_err());
        assert_eq!(unconfirmed.installations().len(), MAX_INSTALLATIONS);
        tokio::time::advance(CONFIRMATION_LIMIT / 2).await;
        unconfirmed.keep_installation(claim()).expect("the others are too old");
        assert_eq!(unconfirmed.installations().len(), 1);
        unconfirmed.forget();
        assert!(unconfirmed.installations().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_that_was_not_confirmed_is_forgotten() {
        let unconfirmed = Unconfirmed::default();
        assert!(!unconfirmed.awaits_end());
        unconfirmed.keep_end();
        tokio::time::advance(CONFIRMATION_LIMIT - Duration::from_millis(1)).await;
        assert!(unconfirmed.awaits_end());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!unconfirmed.awaits_end());
    }
}
