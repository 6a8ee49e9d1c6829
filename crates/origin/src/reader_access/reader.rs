//! What is known of one reader of one repository.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heliostat_foreign::Refusal;
use heliostat_git::ContentHash;
use heliostat_git_wire::LsRefs;
use parking_lot::Mutex;

use super::listings::ListName;

/// Longest time for which the origin's wish to be asked less is heeded.
const MAX_LEFT_ALONE: Duration = Duration::from_mins(1);

/// Oldest list of which only a part is asked for, to see whether that is so still.
const MAX_LIST_AGE: Duration = Duration::from_mins(10);

/// Parts that are remembered to be so still.
const MAX_CONFIRMED: usize = 8;

/// How old the origin's word may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetimes {
    /// Where a request follows another one of the same command.
    pub(crate) following: Duration,
    /// While the origin says nothing.
    pub(crate) stale: Duration,
}

impl Lifetimes {
    /// How old a list may be of which only a part is asked for. While the origin says nothing, the list as a whole is what
    /// readers are shown, so that there has to be time left for that.
    pub(super) fn list_age(&self) -> Duration {
        match self.stale {
            Duration::ZERO => MAX_LIST_AGE,
            stale => MAX_LIST_AGE.min(stale / 2),
        }
    }

    /// What was said before this moment holds no more while the origin says nothing; in epoch milliseconds, like `now_ms`.
    pub(crate) fn stale_since(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(i64::try_from(self.stale.as_millis()).unwrap_or(i64::MAX))
    }
}

/// That the origin has shown a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    /// The list of all references that it has shown. Nothing where an earlier process has not kept it.
    pub(super) listed: Option<ListName>,
    /// The hash of the branches and tags among them.
    pub(super) branches: ContentHash,
    /// When it was asked.
    pub(super) at: Instant,
    /// The same in epoch milliseconds.
    pub(super) at_ms: i64,
}

/// The last word of the origin, or that there was none.
#[derive(Debug, Clone)]
pub(super) struct LastAnswer {
    /// When the question began.
    began: Instant,
    /// When the answer was there. A slow origin may have taken long.
    ended: Instant,
    pub(super) answer: Result<(), Refusal>,
}

/// How new an answer must be.
#[derive(Debug, Clone, Copy)]
pub(super) enum NewEnough {
    /// Its question began at this moment or later.
    AskedSince(Instant),
    /// It came at this moment or later.
    AnsweredSince(Instant),
}

impl NewEnough {
    fn is(self, began: Instant, ended: Instant) -> bool {
        match self {
            Self::AskedSince(moment) => began >= moment,
            Self::AnsweredSince(moment) => ended >= moment,
        }
    }
}

/// That a part of the last list was so still, by a later word of the origin.
#[derive(Debug, Clone)]
struct Confirmed {
    part: LsRefs,
    /// When that was asked, and answered.
    began: Instant,
    ended: Instant,
    /// When it was asked, in epoch milliseconds.
    at_ms: i64,
}

impl LastAnswer {
    fn now(began: Instant, answer: Result<(), Refusal>) -> Self {
        Self { began, ended: Instant::now(), answer }
    }
}

/// One reader of one repository.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// Held by the one who asks.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<LastAnswer>,
    grant: Option<Grant>,
    /// The origin has said no, and has shown nothing since.
    is_refused: bool,
    /// Of what was granted last, the newest at the end.
    confirmed: VecDeque<Confirmed>,
    /// What was written to the disk.
    written: Option<Grant>,
}

impl Reader {
    /// This is on the disk: by an earlier process, or by this one before it forgot the reader.
    pub(super) fn note_kept(&self, grant: Grant) {
        let mut state = self.state.lock();
        state.written = Some(grant.clone());
        state.grant.get_or_insert(grant);
    }

    /// There it is known that the origin has said no.
    pub(super) fn note_kept_refusal(&self) {
        self.state.lock().is_refused = true;
    }

    /// The last answer, if it is new enough, or if the origin wants to be left alone since.
    pub(super) fn last_answer(&self, wanted: NewEnough) -> Option<LastAnswer> {
        let state = self.state.lock();
        // A command that has begun since was shown a part alone.
        if matches!(wanted, NewEnough::AnsweredSince(_)) && !state.confirmed.is_empty() {
            return None;
        }
        let last = state.last.clone()?;
        let is_left_alone = match &last.answer {
            Err(Refusal::TooMany { retry_after: Some(pause) }) => {
                last.began.elapsed() < (*pause).min(MAX_LEFT_ALONE)
            }
            _ => false,
        };
        (wanted.is(last.began, last.ended) || is_left_alone).then_some(last)
    }

    /// What the origin has shown last, if it has said nothing else since.
    pub(super) fn unquestioned_grant(&self) -> Option<Grant> {
        let state = self.state.lock();
        let is_last = state.last.as_ref().is_some_and(|last| last.answer.is_ok());
        state.grant.clone().filter(|_| is_last)
    }

    /// What of that is known to be so still by words that are new enough, taken together, and when the first of them was asked
    /// for, in epoch milliseconds.
    pub(super) fn confirmed(&self, wanted: NewEnough) -> Option<(LsRefs, i64)> {
        let state = self.state.lock();
        let known = state.confirmed.iter().filter(|found| wanted.is(found.began, found.ended));
        known
            .map(|found| (found.part.clone(), found.at_ms))
            .reduce(|(one, at), (other, other_at)| (one.or(&other), at.min(other_at)))
    }

    /// The part of which that was found out last.
    pub(super) fn confirmed_last(&self) -> Option<LsRefs> {
        self.state.lock().confirmed.back().map(|found| found.part.clone())
    }

    /// The origin shows a part of what it has shown last as it did.
    pub(super) fn note_confirmed(&self, part: &LsRefs, began: Instant, at_ms: i64) {
        let mut state = self.state.lock();
        if state.confirmed.len() >= MAX_CONFIRMED {
            state.confirmed.pop_front();
        }
        state.confirmed.push_back(Confirmed { part: part.clone(), began, ended: Instant::now(), at_ms });
    }

    /// What the origin has shown last.
    pub(super) fn grant(&self) -> Option<Grant> {
        self.state.lock().grant.clone()
    }

    /// The origin has shown the repository.
    pub(super) fn note_grant(&self, grant: Grant) {
        let mut state = self.state.lock();
        state.last = Some(LastAnswer::now(grant.at, Ok(())));
        state.grant = Some(grant);
        state.is_refused = false;
        state.confirmed.clear();
    }

    /// The origin says nothing.
    pub(super) fn note_silence(&self, began: Instant, refusal: Refusal) {
        let mut state = self.state.lock();
        state.last = Some(LastAnswer::now(began, Err(refusal)));
        state.confirmed.clear();
    }

    /// The origin says no. Returns whether that is news.
    pub(super) fn note_refusal(&self, began: Instant, refusal: Refusal) -> bool {
        let last = Some(LastAnswer::now(began, Err(refusal)));
        let mut state = self.state.lock();
        let is_news = !state.is_refused;
        *state = State { last, is_refused: true, ..State::default() };
        is_news
    }

    /// Whether the origin has said no, as far as it has said something.
    pub(super) fn is_refused(&self) -> bool {
        self.state.lock().is_refused
    }

    /// What is to be written to the disk: the last grant, if the one there is older than this, or shows something else.
    pub(super) fn to_write(&self, age: Duration) -> Option<Grant> {
        let mut state = self.state.lock();
        let grant = state.grant.clone()?;
        let is_written = state.written.as_ref().is_some_and(|written| {
            let is_same = written.listed == grant.listed && written.branches == grant.branches;
            is_same && grant.at.saturating_duration_since(written.at) < age
        });
        if is_written {
            return None;
        }
        state.written = Some(grant.clone());
        Some(grant)
    }

    /// What was to be written was not.
    pub(super) fn not_written(&self) {
        self.state.lock().written = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(at: Instant) -> Grant {
        Grant { listed: Some([1; 32]), branches: ContentHash::of_nothing(), at, at_ms: 1 }
    }

    #[test]
    fn an_answer_holds_for_those_who_came_before_its_question() {
        let reader = Reader::default();
        let asked_since = |moment| reader.last_answer(NewEnough::AskedSince(moment));
        let now = Instant::now();
        let (began, lately) = (now - Duration::from_secs(10), now - Duration::from_secs(5));
        assert!(asked_since(began).is_none());
        reader.note_grant(grant(began));
        assert!(asked_since(began).expect("new enough").answer.is_ok());
        assert!(asked_since(began + Duration::from_millis(1)).is_none());
        assert!(asked_since(began - Duration::from_secs(1)).is_some());
        // That the answer took its time makes it no older for those who follow.
        assert!(reader.last_answer(NewEnough::AnsweredSince(lately)).is_some());
    }

    #[test]
    fn a_part_is_so_still_until_the_origin_says_something_else() {
        let (reader, now) = (Reader::default(), Instant::now());
        let since = NewEnough::AskedSince(now);
        assert!(reader.unquestioned_grant().is_none());
        reader.note_grant(grant(now - Duration::from_secs(2)));
        assert!(reader.unquestioned_grant().is_some() && reader.confirmed(since).is_none());
        let main = LsRefs::parse([&b"ref-prefix refs/heads/main"[..]]).expect("valid");
        for (part, began) in [(&main, now), (&LsRefs::of_head(), now), (&main, now - Duration::from_secs(1))]
        {
            reader.note_confirmed(part, began, 7);
        }
        let (confirmed, at_ms) = reader.confirmed(since).expect("there are two");
        assert_eq!(at_ms, 7);
        assert_eq!(confirmed.prefixes(), [b"HEAD".to_vec(), b"refs/heads/main".to_vec()]);
        assert!(reader.confirmed(NewEnough::AskedSince(now + Duration::from_secs(1))).is_none());
        // What was shown to an earlier command is not shown to this one.
        let lately = NewEnough::AnsweredSince(now - Duration::from_secs(5));
        assert!(reader.last_answer(lately).is_none());
        assert!(reader.confirmed(lately).is_some());
        for _ in 0..2 * MAX_CONFIRMED {
            reader.note_confirmed(&LsRefs::of_head(), now, 7);
        }
        assert_eq!(reader.state.lock().confirmed.len(), MAX_CONFIRMED);
        reader.note_silence(now, Refusal::Away("gone".to_owned()));
        assert!(reader.confirmed(since).is_none() && reader.unquestioned_grant().is_none());
    }

    #[test]
    fn an_origin_that_wants_to_be_left_alone_is() {
        let reader = Reader::default();
        let now = Instant::now();
        reader.note_silence(now, Refusal::TooMany { retry_after: Some(Duration::from_secs(30)) });
        let later = NewEnough::AskedSince(now + Duration::from_secs(1));
        assert!(reader.last_answer(later).is_some());
        reader.note_silence(now, Refusal::TooMany { retry_after: None });
        assert!(reader.last_answer(later).is_none());
    }

    #[test]
    fn silence_keeps_what_was_shown_and_a_refusal_takes_it() {
        let reader = Reader::default();
        reader.note_kept(grant(Instant::now()));
        reader.note_silence(Instant::now(), Refusal::Away("gone".to_owned()));
        assert!(reader.grant().is_some());
        assert!(reader.note_refusal(Instant::now(), Refusal::Forbidden { said: None }));
        assert!(reader.grant().is_none());
        assert!(reader.to_write(Duration::ZERO).is_none());
    }

    #[test]
    fn silence_does_not_undo_a_refusal() {
        let reader = Reader::default();
        let fall_silent = || reader.note_silence(Instant::now(), Refusal::Away("gone".to_owned()));
        fall_silent();
        assert!(!reader.is_refused(), "it was not refused");
        let refuse = || reader.note_refusal(Instant::now(), Refusal::Forbidden { said: None });
        assert!(refuse());
        fall_silent();
        assert!(reader.is_refused() && !refuse(), "it is known");
        reader.note_grant(grant(Instant::now()));
        assert!(!reader.is_refused() && refuse());
    }

    #[test]
    fn what_is_written_is_not_written_again_at_once() {
        let reader = Reader::default();
        let age = Duration::from_secs(60);
        assert!(reader.to_write(age).is_none());
        let now = Instant::now();
        reader.note_grant(grant(now));
        assert!(reader.to_write(age).is_some());
        assert!(reader.to_write(age).is_none());
        reader.note_grant(grant(now + Duration::from_secs(61)));
        assert!(reader.to_write(age).is_some());
        reader.note_grant(Grant { listed: Some([2; 32]), ..grant(now + Duration::from_secs(62)) });
        assert!(reader.to_write(age).is_some(), "another list");
        reader.not_written();
        assert!(reader.to_write(age).is_some());
    }
}
