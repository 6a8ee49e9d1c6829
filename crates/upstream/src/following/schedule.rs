//! When each source is looked at next, and how its last look went: in memory, by a monotonic clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use heliostat_storage::{Following, RepositoryId};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// After what pause a source is looked at again when a look has ended without a word.
const PAUSE_AFTER_PANIC: Duration = Duration::from_mins(1);

/// How it goes with all repositories that follow one of another server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FollowingStatus {
    /// How many there are.
    pub repositories: usize,
    /// Those whose last look at the source failed.
    pub failing: usize,
    /// How long ago the one that was equal to its source least lately was so, or began to follow.
    pub longest_lag: Option<Duration>,
    /// Looks that have ended since the start and found nothing new.
    pub unchanged: u64,
    /// Looks that have changed the repository.
    pub changed: u64,
    /// Looks that have failed.
    pub failed: u64,
}

/// How a look ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Unchanged,
    Changed,
    Failed,
}

/// What is to be looked at.
#[derive(Default)]
pub(super) struct Schedule {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<RepositoryId, Entry>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    unchanged: u64,
    changed: u64,
    failed: u64,
}

struct Entry {
    known_since: Instant,
    due: Instant,
    is_running: bool,
    /// Asked for while a look was running, which may have read the list before.
    is_asked_again: bool,
    is_failing: bool,
    in_step_at: Instant,
}

/// A look that has begun. When it is dropped the next one may begin.
pub(super) struct Look {
    schedule: Arc<Schedule>,
    id: RepositoryId,
}

impl Schedule {
    /// The signal that something may be due earlier than before.
    pub(super) fn changed(&self) -> &Notify {
        &self.changed
    }

    /// These and no others were found to follow something by a question that was asked at this moment. What was not known
    /// goes on where the process before has left it.
    pub(super) fn keep(&self, followings: &[Following], asked_at: Instant, now_ms: i64) {
        let mut state = self.state.lock();
        let there: BTreeSet<_> = followings.iter().map(|following| following.repository_id).collect();
        state.entries.retain(|id, entry| there.contains(id) || entry.known_since >= asked_at);
        for following in followings {
            state.entries.entry(following.repository_id).or_insert_with(|| Entry::of(following, now_ms));
        }
    }

    /// Has this one looked at next.
    pub(super) fn ask(&self, following: &Following, now_ms: i64) {
        let mut state = self.state.lock();
        let entry = state.entries.entry(following.repository_id);
        let entry = entry.or_insert_with(|| Entry::of(following, now_ms));
        entry.due = Instant::now();
        entry.is_asked_again = entry.is_running;
        drop(state);
        self.changed.notify_one();
    }

    /// It follows nothing any more.
    pub(super) fn forget(&self, id: RepositoryId) {
        self.state.lock().entries.remove(&id);
    }

    /// Begins with what has been due for longest, at most so many.
    pub(super) fn begin_due(self: &Arc<Self>, at_most: usize) -> Vec<Look> {
        let mut state = self.state.lock();
        let now = Instant::now();
        let is_due = |entry: &Entry| !entry.is_running && entry.due <= now;
        let mut due: Vec<_> = state
            .entries
            .iter()
            .filter(|(_, entry)| is_due(entry))
            .map(|(id, entry)| (entry.due, *id))
            .collect();
        due.sort_unstable();
        due.truncate(at_most);
        let begun = due.into_iter().map(|(_, id)| {
            if let Some(entry) = state.entries.get_mut(&id) {
                (entry.is_running, entry.due) = (true, now + PAUSE_AFTER_PANIC);
            }
            Look { schedule: Arc::clone(self), id }
        });
        begun.collect()
    }

    /// When the next one is due that is not being looked at.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.entries.values().filter(|entry| !entry.is_running).map(|entry| entry.due).min()
    }

    /// Whether this one is being looked at, or is next to be.
    pub(super) fn is_busy(&self, id: RepositoryId) -> bool {
        let state = self.state.lock();
        state.entries.get(&id).is_some_and(|entry| entry.is_running || entry.due <= Instant::now())
    }

    pub(super) fn status(&self) -> FollowingStatus {
        let state = self.state.lock();
        let oldest = state.entries.values().map(|entry| entry.in_step_at).min();
        FollowingStatus {
            repositories: state.entries.len(),
            failing: state.entries.values().filter(|entry| entry.is_failing).count(),
            longest_lag: oldest.map(|at| at.elapsed()),
            unchanged: state.counts.unchanged,
            changed: state.counts.changed,
            failed: state.counts.failed,
        }
    }
}

impl Entry {
    fn of(following: &Following, now_ms: i64) -> Self {
        let now = Instant::now();
        let since = |at: i64| Duration::from_millis(u64::try_from(now_ms.saturating_sub(at)).unwrap_or(0));
        let interval = interval_of(following);
        // What was looked at a moment ago need not be looked at again because this process is new.
        let pause = following.last_attempt_at.map_or(Duration::ZERO, |at| interval.saturating_sub(since(at)));
        let in_step_at = following.last_success_at.unwrap_or(following.created_at);
        Self {
            known_since: now,
            due: now + pause,
            is_running: false,
            is_asked_again: false,
            is_failing: following.error.is_some(),
            in_step_at: now.checked_sub(since(in_step_at)).unwrap_or(now),
        }
    }
}

/// How often a source is looked at.
pub(super) fn interval_of(following: &Following) -> Duration {
    Duration::from_secs(u64::try_from(following.source.interval_seconds).unwrap_or(1))
}

impl Look {
    /// At whose source.
    pub(super) fn id(&self) -> RepositoryId {
        self.id
    }

    /// It has ended, and the next one is due after a pause. What is equal was so when the look began.
    pub(super) fn ended(self, ended: Ended, began: Instant, pause: Duration) {
        let mut state = self.schedule.state.lock();
        match ended {
            Ended::Unchanged => state.counts.unchanged += 1,
            Ended::Changed => state.counts.changed += 1,
            Ended::Failed => state.counts.failed += 1,
        }
        let Some(entry) = state.entries.get_mut(&self.id) else { return };
        entry.is_failing = ended == Ended::Failed;
        if !entry.is_failing {
            entry.in_step_at = began;
        }
        if !entry.is_asked_again {
            entry.due = Instant::now() + pause;
        }
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        if let Some(entry) = self.schedule.state.lock().entries.get_mut(&self.id) {
            entry.is_running = false;
            entry.is_asked_again = false;
        }
        self.schedule.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use heliostat_storage::FollowedSource;

    use super::*;

    const NOW: i64 = 1_795_342_681_000;

    fn following(id: i32, last_attempt_at: Option<i64>) -> Following {
        Following {
            repository_id: RepositoryId(id),
            source: FollowedSource {
                url: "https://git.example.com/a.git".to_owned(),
                interval_seconds: 60,
                username: None,
                password: None,
                ssh_key: None,
                known_hosts: None,
            },
            created_at: NOW - 100_000,
            last_attempt_at,
            last_success_at: last_attempt_at,
            last_change_at: None,
            failures: 0,
            error: None,
        }
    }

    fn begun(schedule: &Arc<Schedule>) -> Vec<Look> {
        schedule.begin_due(10)
    }

    #[tokio::test(start_paused = true)]
    async fn each_is_looked_at_by_one_and_again_after_its_pause() {
        let schedule = Arc::<Schedule>::default();
        schedule.keep(&[following(1, None), following(2, Some(NOW - 20_000))], Instant::now(), NOW);
        assert_eq!(schedule.status().longest_lag, Some(Duration::from_secs(100)));
        let mut looks = begun(&schedule);
        assert_eq!(looks.iter().map(Look::id).collect::<Vec<_>>(), [RepositoryId(1)]);
        assert!(begun(&schedule).is_empty() && schedule.is_busy(RepositoryId(1)));
        looks.remove(0).ended(Ended::Changed, Instant::now(), Duration::from_secs(60));
        assert!(!schedule.is_busy(RepositoryId(1)));
        let status = schedule.status();
        assert_eq!((status.changed, status.longest_lag), (1, Some(Duration::from_secs(20))));
        let next = schedule.next_due().expect("both are due some time");
        assert_eq!(next - Instant::now(), Duration::from_secs(40));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(begun(&schedule).len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_while_a_look_runs_gets_another_one() {
        let schedule = Arc::<Schedule>::default();
        schedule.ask(&following(1, Some(NOW)), NOW);
        let look = begun(&schedule).remove(0);
        schedule.ask(&following(1, Some(NOW)), NOW);
        look.ended(Ended::Failed, Instant::now(), Duration::from_secs(60));
        assert_eq!(schedule.status().failing, 1);
        let look = begun(&schedule).remove(0);
        // One that breaks off in the middle, as by a panic, is no reason to look never again.
        drop(look);
        assert!(begun(&schedule).is_empty());
        tokio::time::advance(PAUSE_AFTER_PANIC).await;
        assert_eq!(begun(&schedule).len(), 1);
        schedule.keep(&[], Instant::now(), NOW);
        assert!(begun(&schedule).is_empty() && schedule.next_due().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_began_after_a_list_was_asked_for_is_not_missing_from_it() {
        let schedule = Arc::<Schedule>::default();
        let asked_at = Instant::now();
        schedule.ask(&following(1, None), NOW);
        schedule.keep(&[], asked_at, NOW);
        assert_eq!(begun(&schedule).len(), 1);
    }
}
