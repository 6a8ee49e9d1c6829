//! One synchronisation per repository at a time: what it is doing, and what has gathered for the next one.

use std::sync::Arc;

use heliostat_storage::Generation;

use super::failure_history::{FailureHistory, StepHere};
use super::pending_changes::{AnnouncedChange, PendingChanges};

/// Whether a repository is being synchronised, and what for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SyncSlot {
    stage: Stage,
    pending: PendingChanges,
    /// Something else than refs may differ, HEAD for instance.
    check: bool,
    /// Since when something has been waiting to be done, in epoch milliseconds.
    waiting_since: Option<i64>,
    /// What is done now, and since when it had been waiting.
    run: Option<(Arc<SyncRun>, Option<i64>)>,
    /// How the attempts since the last success have failed.
    failure_history: FailureHistory,
}

/// One synchronisation in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRun {
    /// What its log lines carry as `sync.id`.
    pub id: String,
    /// The worker that carries it out.
    pub worker: String,
    /// When it began, in epoch milliseconds.
    pub started_at: i64,
}

/// What waits in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Epoch milliseconds.
    pub(crate) since: i64,
    /// Whether the whole ref set will be fetched.
    pub(crate) is_snapshot: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Idle,
    Queued,
    /// `again` says that something came up after the start.
    Running {
        leads_to: Generation,
        again: bool,
    },
}

/// What the caller has to do after a change to the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Next {
    /// Put the repository into a queue.
    Enqueue,
    /// Nothing: it is queued or will be, or there is nothing to do.
    Nothing,
}

impl SyncSlot {
    /// Takes in an event about a repository whose refs are those of `synced`.
    pub(crate) fn announce(&mut self, change: AnnouncedChange, synced: Generation, now_ms: i64) -> Next {
        let base = match self.stage {
            Stage::Running { leads_to, .. } => leads_to.max(synced),
            Stage::Idle | Stage::Queued => synced,
        };
        if change.to <= base && self.pending.is_nothing() {
            return Next::Nothing;
        }
        self.pending = std::mem::take(&mut self.pending).announced(change, base);
        self.wake(now_ms)
    }

    /// Asks for a synchronisation that does at least this much; `Nothing` stands for a mere check.
    pub(crate) fn request(&mut self, work: PendingChanges, now_ms: i64) -> Next {
        self.pending = std::mem::take(&mut self.pending).followed_by(work);
        self.check = true;
        self.wake(now_ms)
    }

    /// Begins a synchronisation that will bring everything up to `known`.
    pub(crate) fn begin(&mut self, known: Generation, run: SyncRun) -> PendingChanges {
        self.run = Some((Arc::new(run), self.waiting_since.take()));
        let work = std::mem::take(&mut self.pending);
        self.check = false;
        let leads_to = match &work {
            PendingChanges::Refs { to, .. } => *to,
            PendingChanges::Nothing | PendingChanges::Snapshot | PendingChanges::FreshCopy => known,
        };
        self.stage = Stage::Running { leads_to, again: false };
        work
    }

    /// Ends a synchronisation that brought everything up to `synced`, while `known` is known by now.
    pub(crate) fn succeeded(&mut self, synced: Generation, known: Generation) -> Next {
        self.failure_history = FailureHistory::default();
        let again = self.take_again();
        let started_at = self.run.take().map(|(run, _)| run.started_at);
        if matches!(&self.pending, PendingChanges::Refs { to, .. } if *to <= synced) {
            self.pending = PendingChanges::Nothing;
        }
        if synced < known && self.pending.is_nothing() {
            // Something else than an event told of it.
            self.pending = PendingChanges::Snapshot;
            return self.wake(started_at.unwrap_or_default());
        }
        if again && (self.check || !self.pending.is_nothing()) {
            return self.wake(started_at.unwrap_or_default());
        }
        self.waiting_since = None;
        Next::Nothing
    }

    /// Ends a synchronisation that failed to do `work`, at this step if it is about what is here. The next attempt does
    /// it in a way that can do without what may have been wrong.
    pub(crate) fn failed(&mut self, work: &PendingChanges, at: Option<StepHere>) -> Next {
        let work = self.failure_history.next_attempt(work, at);
        let again = self.take_again();
        let (started_at, waited_since) =
            self.run.take().map_or((0, None), |(run, since)| (run.started_at, since));
        // What failed has been waiting for longer than what came up meanwhile.
        self.waiting_since = waited_since.or(self.waiting_since).or(Some(started_at));
        self.pending = work.followed_by(std::mem::take(&mut self.pending));
        if again { self.wake(started_at) } else { Next::Nothing }
    }

    /// Leaves a queue without a synchronisation, because the repository is not mirrored any more.
    pub(crate) fn abandon(&mut self) {
        self.stage = Stage::Idle;
        self.waiting_since = None;
    }

    /// Whether there is nothing to remember.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether something is going on or about to.
    pub(crate) fn is_busy(&self) -> bool {
        self.stage != Stage::Idle
    }

    /// The synchronisation in flight.
    pub(crate) fn run(&self) -> Option<Arc<SyncRun>> {
        self.run.as_ref().map(|(run, _)| Arc::clone(run))
    }

    /// What waits for a worker, or after a failure for the next attempt. While a synchronisation is in flight,
    /// it is what is looked at.
    pub(crate) fn waiting(&self) -> Option<Waiting> {
        let since = self.waiting_since.filter(|_| self.run.is_none())?;
        Some(Waiting { since, is_snapshot: self.pending.is_whole() })
    }

    fn wake(&mut self, now_ms: i64) -> Next {
        self.waiting_since.get_or_insert(now_ms);
        match &mut self.stage {
            Stage::Idle => {
                self.stage = Stage::Queued;
                Next::Enqueue
            }
            Stage::Queued => Next::Nothing,
            Stage::Running { again, .. } => {
                *again = true;
                Next::Nothing
            }
        }
    }

    fn take_again(&mut self) -> bool {
        let stage = std::mem::take(&mut self.stage);
        matches!(stage, Stage::Running { again: true, .. })
    }
}

#[cfg(test)]
mod tests {
    use heliostat_git::RefName;

    use super::*;
    use crate::sync::pending_changes::tests::step;

    const NOW: i64 = 1_764_000_000_000;

    fn run() -> SyncRun {
        SyncRun { id: "5f0c".to_owned(), worker: "sync-following-1".to_owned(), started_at: NOW + 5 }
    }

    fn push(to: i64) -> AnnouncedChange {
        let branch = RefName::parse(format!("refs/heads/b{to}")).expect("a valid name");
        AnnouncedChange {
            from: Generation(to - 1),
            to: Generation(to),
            refs: Some(vec![(branch, step(" 1"))]),
            packs: None,
        }
    }

    fn leads_to(work: &PendingChanges) -> Option<i64> {
        match work {
            PendingChanges::Refs { to, .. } => Some(to.0),
            _ => None,
        }
    }

    #[test]
    fn a_repository_is_queued_once() {
        let mut slot = SyncSlot::default();
        assert_eq!(slot.announce(push(5), Generation(4), NOW), Next::Enqueue);
        assert_eq!(slot.announce(push(6), Generation(4), NOW), Next::Nothing);
        assert_eq!(leads_to(&slot.begin(Generation(6), run())), Some(6));
        assert_eq!(slot.succeeded(Generation(6), Generation(6)), Next::Nothing);
        assert!(!slot.is_busy());
    }

    #[test]
    fn a_push_during_a_synchronisation_continues_where_that_one_leads() {
        let mut slot = SyncSlot::default();
        assert_eq!(slot.announce(push(5), Generation(4), NOW), Next::Enqueue);
        let _first = slot.begin(Generation(5), run());
        assert_eq!(slot.announce(push(6), Generation(4), NOW), Next::Nothing);
        assert_eq!(slot.succeeded(Generation(5), Generation(6)), Next::Enqueue);
        assert_eq!(leads_to(&slot.begin(Generation(6), run())), Some(6));
    }

    #[test]
    fn a_push_that_the_fetch_has_caught_already_needs_no_other_one() {
        let mut slot = SyncSlot::default();
        assert_eq!(slot.announce(push(5), Generation(4), NOW), Next::Enqueue);
        let _first = slot.begin(Generation(5), run());
        assert_eq!(slot.announce(push(6), Generation(4), NOW), Next::Nothing);
        assert_eq!(slot.succeeded(Generation(6), Generation(6)), Next::Nothing);
        assert!(slot.begin(Generation(6), run()).is_nothing());
    }

    #[test]
    fn a_failure_asks_for_more_and_waits_unless_there_is_news() {
        let mut slot = SyncSlot::default();
        assert_eq!(slot.announce(push(5), Generation(4), NOW), Next::Enqueue);
        let work = slot.begin(Generation(5), run());
        assert_eq!(leads_to(&work), Some(5));
        assert_eq!(slot.failed(&work, None), Next::Nothing);
        assert_eq!(slot.announce(push(6), Generation(4), NOW), Next::Enqueue);
        let work = slot.begin(Generation(6), run());
        assert_eq!(work, PendingChanges::Snapshot);
        assert_eq!(slot.request(PendingChanges::Nothing, NOW), Next::Nothing);
        assert_eq!(slot.failed(&work, None), Next::Enqueue);
    }

    #[test]
    fn what_fails_here_twice_alike_is_made_anew_and_a_success_ends_the_count() {
        let mut slot = SyncSlot::default();
        let attempt = |slot: &mut SyncSlot| {
            assert_eq!(slot.request(PendingChanges::Nothing, NOW), Next::Enqueue);
            let work = slot.begin(Generation(5), run());
            assert_eq!(slot.failed(&work, Some(StepHere::Fetch)), Next::Nothing);
            work
        };
        assert_eq!(attempt(&mut slot), PendingChanges::Nothing);
        assert_eq!(attempt(&mut slot), PendingChanges::Snapshot);
        assert_eq!(slot.request(PendingChanges::Nothing, NOW), Next::Enqueue);
        assert_eq!(slot.begin(Generation(5), run()), PendingChanges::FreshCopy);
        assert_eq!(slot.succeeded(Generation(5), Generation(5)), Next::Nothing);
        assert!(slot.is_empty());
    }

    #[test]
    fn what_no_event_told_is_fetched_as_a_whole() {
        let mut slot = SyncSlot::default();
        assert_eq!(slot.announce(push(5), Generation(4), NOW), Next::Enqueue);
        let _work = slot.begin(Generation(5), run());
        assert_eq!(slot.succeeded(Generation(5), Generation(9)), Next::Enqueue);
        assert_eq!(slot.begin(Generation(9), run()), PendingChanges::Snapshot);
    }

    #[test]
    fn news_that_is_here_already_starts_nothing() {
        let mut slot = SyncSlot::default();
        assert_eq!(slot.announce(push(4), Generation(4), NOW), Next::Nothing);
        assert!(!slot.is_busy());
    }

    #[test]
    fn what_waits_is_told_with_its_age_until_it_is_done() {
        let mut slot = SyncSlot::default();
        assert_eq!(slot.waiting(), None);
        assert_eq!(slot.announce(push(5), Generation(4), NOW), Next::Enqueue);
        assert_eq!(slot.announce(push(6), Generation(4), NOW + 1), Next::Nothing);
        assert_eq!(slot.waiting(), Some(Waiting { since: NOW, is_snapshot: false }));

        let work = slot.begin(Generation(6), run());
        assert_eq!((slot.waiting(), slot.run()), (None, Some(Arc::new(run()))));
        assert_eq!(slot.failed(&work, None), Next::Nothing);
        assert_eq!((slot.waiting(), slot.run()), (Some(Waiting { since: NOW, is_snapshot: true }), None));

        assert_eq!(slot.request(PendingChanges::Snapshot, NOW + 9), Next::Enqueue);
        assert_eq!(slot.waiting(), Some(Waiting { since: NOW, is_snapshot: true }));
        let _work = slot.begin(Generation(6), run());
        assert_eq!(slot.succeeded(Generation(6), Generation(6)), Next::Nothing);
        assert_eq!((slot.waiting(), slot.run()), (None, None));
    }

    #[test]
    fn what_came_up_during_a_synchronisation_has_waited_since_then() {
        let mut slot = SyncSlot::default();
        assert_eq!(slot.announce(push(5), Generation(4), NOW), Next::Enqueue);
        let _work = slot.begin(Generation(5), run());
        assert_eq!(slot.announce(push(6), Generation(4), NOW + 7), Next::Nothing);
        assert_eq!(slot.succeeded(Generation(5), Generation(6)), Next::Enqueue);
        assert_eq!(slot.waiting().map(|waiting| waiting.since), Some(NOW + 7));
        slot.abandon();
        assert_eq!(slot.waiting(), None);
    }
}
