//! How long a git request waits, so that it never sees less than the upstream is known to have, and how fresh the
//! answer then is.
//!
//! The synchronisation runs anyway; all requests for the repository wait for the same one by watching its
//! record. The wait has a cap, which runs from the moment at which the oldest change became known that is not here: so a
//! fetch of several requests waits once. What is not here then is served through the upstream (`through.rs`), and only
//! when the upstream does not answer, an old answer is better than none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use heliostat_storage::{Generation, MirroredRepository};

use crate::inventory::{Entry, is_available};
use crate::sync::SyncQueue;
use crate::upstream_link::UpstreamFacts;

/// How fresh an answer is. Computed once for each request; metrics, log lines and headers all say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// The generation that is served.
    pub served: Generation,
    /// The newest generation that the upstream was known to have when the request came.
    pub known: Generation,
    /// How long the request waited for a synchronisation.
    pub waited: Duration,
    /// The upstream as it was found last. While it does not answer, it may have more than is known here.
    pub upstream: UpstreamFacts,
    /// Whether the upstream may have acknowledged changes of which this mirror was not told, because the lease that it
    /// needs is over.
    pub lease_is_over: bool,
}

impl Freshness {
    /// Whether the answer holds everything that the upstream had told of when the request came.
    pub fn is_current(&self) -> bool {
        self.served >= self.known
    }
}

/// Waits until the repository has what the upstream is known to have at this moment, and says what is to be served.
pub(super) async fn wait_until_fresh(
    entry: &Entry,
    queue: &SyncQueue,
    cap: Duration,
    upstream: impl FnOnce() -> UpstreamFacts,
) -> (Arc<MirroredRepository>, Freshness) {
    let mut record = entry.subscribe();
    let at_arrival = record.borrow_and_update().clone();
    let known = at_arrival.generation_known;
    let mut waited = Duration::ZERO;
    // A repository that failed and waits for its next attempt will not become fresher within the cap.
    let is_coming = at_arrival.failed_count == 0 || queue.is_busy(entry);
    if !has(&at_arrival, known) && is_coming {
        let is_settled = |record: &MirroredRepository| {
            has(record, known) || record.removed_at.is_some() || record.failed_count > at_arrival.failed_count
        };
        let began = Instant::now();
        // Neither an end of the wait by time nor by removal matters: what is there now is the answer.
        let _ = tokio::time::timeout(cap, record.wait_for(|record| is_settled(record))).await;
        waited = began.elapsed();
    }
    let now = entry.record();
    let served = now.generation_synced;
    (now, Freshness { served, known, waited, upstream: upstream(), lease_is_over: false })
}

/// How much of the cap is left for a request that comes now, where what it waits for has been known since then.
pub(super) fn rest_of(cap: Duration, since: Option<i64>, now_ms: i64) -> Duration {
    let passed_ms = since.map_or(0, |since| now_ms.saturating_sub(since));
    cap.saturating_sub(Duration::from_millis(u64::try_from(passed_ms).unwrap_or(0)))
}

/// Whether it can be cloned with everything up to this generation.
pub(super) fn has(record: &MirroredRepository, generation: Generation) -> bool {
    is_available(record) && record.generation_synced >= generation
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::tests::record;
    use crate::sync::PendingChanges;
    use heliostat_peer::Clock;

    const CAP: Duration = Duration::from_secs(60);

    fn behind() -> MirroredRepository {
        MirroredRepository { generation_known: Generation(5), ..record(1, "engine") }
    }

    fn queue() -> Arc<SyncQueue> {
        Arc::new(SyncQueue::new(Clock::system(), Arc::default()))
    }

    fn waiter(entry: &Arc<Entry>, queue: &Arc<SyncQueue>) -> tokio::task::JoinHandle<Freshness> {
        let (entry, queue) = (Arc::clone(entry), Arc::clone(queue));
        tokio::spawn(async move { wait_until_fresh(&entry, &queue, CAP, reachable).await.1 })
    }

    fn reachable() -> UpstreamFacts {
        UpstreamFacts {
            reachable: true,
            last_contact_at: Some(1),
            last_comparison_at: Some(1),
            not_known_since: None,
        }
    }

    fn away() -> UpstreamFacts {
        UpstreamFacts { reachable: false, not_known_since: Some(1), ..reachable() }
    }

    #[tokio::test]
    async fn what_is_current_does_not_wait() {
        let entry = Entry::new(record(1, "engine"));
        let (_, freshness) = wait_until_fresh(&entry, &queue(), CAP, reachable).await;
        assert!(freshness.is_current());
        assert_eq!((freshness.waited, freshness.upstream.reachable), (Duration::ZERO, true));
    }

    #[tokio::test]
    async fn all_waiters_see_the_end_of_one_synchronisation() {
        let entry = Arc::new(Entry::new(behind()));
        let queue = queue();
        let waiters = [(); 3].map(|()| waiter(&entry, &queue));
        entry.show(MirroredRepository { generation_synced: Generation(5), ..behind() });
        for waiter in waiters {
            assert!(waiter.await.expect("the waiter does not panic").is_current());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_ends_at_the_cap() {
        let entry = Entry::new(behind());
        let (_, seen) = wait_until_fresh(&entry, &queue(), CAP, away).await;
        assert!(!seen.is_current() && !seen.upstream.reachable);
        assert_eq!((seen.served, seen.known), (Generation(4), Generation(5)));
    }

    #[test]
    fn the_cap_runs_from_when_the_change_became_known() {
        let rest = |since, now_ms| rest_of(Duration::from_secs(2), since, now_ms);
        assert_eq!(rest(None, 9_000), Duration::from_secs(2));
        assert_eq!(rest(Some(9_000), 9_500), Duration::from_millis(1_500));
        assert_eq!(rest(Some(9_000), 90_000), Duration::ZERO);
        assert_eq!(rest(Some(9_000), 8_000), Duration::from_secs(2), "the clock was turned back");
    }

    #[tokio::test]
    async fn a_failure_ends_the_wait() {
        let (entry, queue) = (Arc::new(Entry::new(behind())), queue());
        queue.request(&entry, PendingChanges::Snapshot);
        let waiter = waiter(&entry, &queue);
        tokio::task::yield_now().await;
        entry.show(MirroredRepository { failed_count: 1, ..behind() });
        assert!(!waiter.await.expect("the waiter does not panic").is_current());
    }
}
