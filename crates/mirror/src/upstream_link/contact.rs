//! What is known of the upstream, and since when: what every statement about being in step rests on.
//!
//! The upstream is known while it answers and a comparison with it has ended since it last did not answer. While it is
//! not known, nobody is told that this mirror has what the upstream has, but since when that is not known.

use heliostat_peer::Clock;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The upstream as this mirror has last found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamFacts {
    /// Whether it answered the latest call, if only to refuse it; false before the first one.
    pub reachable: bool,
    /// When it last answered, in epoch milliseconds.
    pub last_contact_at: Option<i64>,
    /// When a complete comparison with it last ended, in epoch milliseconds.
    pub last_comparison_at: Option<i64>,
    /// Since when it is not known what it has, in epoch milliseconds; `None` while it is known.
    pub not_known_since: Option<i64>,
}

/// Keeps the facts, and tells when the upstream has gone or come back, and when there is something to tell it.
#[derive(Debug)]
pub(crate) struct Contact {
    facts: Mutex<Facts>,
    clock: Clock,
    turned: Notify,
    news: Notify,
}

#[derive(Debug)]
struct Facts {
    shown: UpstreamFacts,
    /// Whether a call of this process has brought no answer since the last one that did.
    is_away: bool,
}

impl Contact {
    /// Begins with what an earlier process has noted, in the words of [`Contact::noted`]. What has happened since then is
    /// not known.
    pub(crate) fn open(noted: Option<&str>, clock: Clock) -> Self {
        let mut times = noted.unwrap_or_default().split(' ').map(|time| time.parse::<i64>().ok());
        let last_contact_at = times.next().flatten();
        let last_comparison_at = times.next().flatten();
        let not_known_since = Some(last_contact_at.unwrap_or_else(|| clock.now_ms()));
        let shown = UpstreamFacts { reachable: false, last_contact_at, last_comparison_at, not_known_since };
        Self {
            facts: Mutex::new(Facts { shown, is_away: false }),
            clock,
            turned: Notify::new(),
            news: Notify::new(),
        }
    }

    /// What is known now.
    pub(crate) fn facts(&self) -> UpstreamFacts {
        self.facts.lock().shown
    }

    /// What a later process needs to know.
    pub(crate) fn noted(&self) -> String {
        let facts = self.facts();
        let text = |time: Option<i64>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
        format!("{} {}", text(facts.last_contact_at), text(facts.last_comparison_at))
    }

    /// Waits until the upstream has gone or come back since this was asked last.
    pub(crate) async fn turned(&self) {
        self.turned.notified().await;
    }

    /// How far this mirror is may have changed.
    pub(crate) fn has_news(&self) {
        self.news.notify_one();
    }

    /// Waits until how far this mirror is may have changed since this was asked last.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    /// The upstream has answered a call.
    pub(super) fn answered(&self) {
        let mut facts = self.facts.lock();
        (facts.shown.reachable, facts.shown.last_contact_at) = (true, Some(self.clock.now_ms()));
        if std::mem::take(&mut facts.is_away) {
            self.turned.notify_one();
        }
    }

    /// The upstream has not answered a call.
    pub(super) fn not_answered(&self) {
        let mut facts = self.facts.lock();
        facts.shown.reachable = false;
        let last_contact_at = facts.shown.last_contact_at;
        facts.doubt(last_contact_at, self.clock.now_ms());
        if !std::mem::replace(&mut facts.is_away, true) {
            self.turned.notify_one();
        }
    }

    /// All that the upstream has was compared with what is here.
    pub(crate) fn compared(&self) {
        let mut facts = self.facts.lock();
        facts.shown.last_comparison_at = Some(self.clock.now_ms());
        if facts.shown.reachable {
            facts.shown.not_known_since = None;
        }
    }

    /// A comparison has failed, although the upstream may have answered.
    pub(crate) fn not_compared(&self) {
        let mut facts = self.facts.lock();
        let last_comparison_at = facts.shown.last_comparison_at;
        facts.doubt(last_comparison_at, self.clock.now_ms());
    }
}

impl Facts {
    fn doubt(&mut self, since: Option<i64>, now_ms: i64) {
        self.shown.not_known_since.get_or_insert(since.unwrap_or(now_ms));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    fn contact(noted: Option<&str>) -> (Contact, Arc<AtomicI64>) {
        let now = Arc::new(AtomicI64::new(100));
        let shown = Arc::clone(&now);
        (Contact::open(noted, Clock::reading(move || shown.load(Ordering::Relaxed))), now)
    }

    #[test]
    fn the_upstream_is_known_again_only_after_a_comparison() {
        let (contact, now) = contact(None);
        contact.answered();
        assert_eq!(contact.facts().not_known_since, Some(100), "it was not compared yet");
        contact.compared();
        assert_eq!(contact.facts().not_known_since, None);

        now.store(200, Ordering::Relaxed);
        contact.answered();
        now.store(300, Ordering::Relaxed);
        contact.not_answered();
        contact.not_answered();
        let away = contact.facts();
        assert_eq!((away.reachable, away.not_known_since), (false, Some(200)));
        contact.compared();
        assert_eq!(contact.facts().not_known_since, Some(200), "what it had to say came from before");

        contact.answered();
        assert_eq!(contact.facts().not_known_since, Some(200));
        contact.compared();
        assert_eq!((contact.facts().reachable, contact.facts().not_known_since), (true, None));
        contact.not_compared();
        assert_eq!(contact.facts().not_known_since, Some(300));
    }

    #[test]
    fn a_new_process_knows_when_the_last_one_knew() {
        let (before, _) = contact(None);
        assert_eq!(before.noted(), "- -");
        before.answered();
        before.compared();
        let (after, now) = contact(Some(&before.noted()));
        now.store(900, Ordering::Relaxed);
        let facts = after.facts();
        assert_eq!((facts.reachable, facts.not_known_since), (false, Some(100)));
        assert_eq!((facts.last_contact_at, facts.last_comparison_at), (Some(100), Some(100)));
    }
}
