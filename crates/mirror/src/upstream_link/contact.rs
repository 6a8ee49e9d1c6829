//! What is known of the upstream, and since when: what every statement about being in step rests on.
//!
//! The upstream is known while it answers and a comparison with it has ended since it last did not answer. While it is
//! not known, this mirror does not say that it has what the upstream has, but since when that is not known.

use heliostat_peer::Clock;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Not every upstream tells its time in fractions of a second.
const CLOCK_RESOLUTION_MS: i64 = 1_000;

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
    /// Why the latest call brought no answer, while that is so.
    why_away: Option<String>,
    /// The upstream's clock minus ours, in milliseconds, as far as its latest answer tells.
    clock_skew_ms: Option<i64>,
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
            facts: Mutex::new(Facts { shown, is_away: false, why_away: None, clock_skew_ms: None }),
            clock,
            turned: Notify::new(),
            news: Notify::new(),
        }
    }

    /// What is known now.
    pub(crate) fn facts(&self) -> UpstreamFacts {
        self.facts.lock().shown
    }

    /// Why the latest call brought no answer, while that is so.
    pub(crate) fn why_away(&self) -> Option<String> {
        self.facts.lock().why_away.clone()
    }

    /// The upstream's clock minus ours, in milliseconds; 0 where the two may well agree, `None` while nothing is known.
    pub(crate) fn clock_skew_ms(&self) -> Option<i64> {
        self.facts.lock().clock_skew_ms
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
        facts.why_away = None;
        if std::mem::take(&mut facts.is_away) {
            self.turned.notify_one();
        }
    }

    /// The upstream has not answered a call.
    pub(super) fn not_answered(&self, why: String) {
        let mut facts = self.facts.lock();
        facts.shown.reachable = false;
        facts.why_away = Some(why);
        let last_contact_at = facts.shown.last_contact_at;
        facts.doubt(last_contact_at, self.clock.now_ms());
        if !std::mem::replace(&mut facts.is_away, true) {
            self.turned.notify_one();
        }
    }

    /// The upstream has told its time in answer to a question that was asked, and answered, at these times of ours.
    pub(super) fn clock_told(&self, asked_at: i64, its_time: i64, answered_at: i64) {
        let skew_ms = its_time.saturating_sub(its_time.clamp(asked_at, answered_at.max(asked_at)));
        let is_told_apart = skew_ms.abs() >= CLOCK_RESOLUTION_MS;
        self.facts.lock().clock_skew_ms = Some(if is_told_apart { skew_ms } else { 0 });
    }

    /// The upstream refuses our calls for their time, and does not tell its own.
    pub(super) fn clock_refused(&self) {
        self.facts.lock().clock_skew_ms = None;
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
        contact.not_answered("refused".to_owned());
        contact.not_answered("too long".to_owned());
        let away = contact.facts();
        assert_eq!(contact.why_away().as_deref(), Some("too long"));
        assert_eq!((away.reachable, away.not_known_since), (false, Some(200)));
        contact.compared();
        assert_eq!(contact.facts().not_known_since, Some(200), "what it had to say came from before");

        contact.answered();
        assert_eq!((contact.facts().not_known_since, contact.why_away()), (Some(200), None));
        contact.compared();
        assert_eq!((contact.facts().reachable, contact.facts().not_known_since), (true, None));
        contact.not_compared();
        assert_eq!(contact.facts().not_known_since, Some(300));
    }

    #[test]
    fn clocks_differ_only_where_the_time_of_the_answer_does_not_explain_it() {
        let (contact, _) = contact(None);
        assert_eq!(contact.clock_skew_ms(), None);
        for (its_time, skew_ms) in [(9_500, 0), (8_100, 0), (6_000, -3_000), (13_000, 2_000)] {
            contact.clock_told(9_000, its_time, 11_000);
            assert_eq!(contact.clock_skew_ms(), Some(skew_ms), "{its_time}");
        }
        contact.clock_refused();
        assert_eq!(contact.clock_skew_ms(), None);
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
