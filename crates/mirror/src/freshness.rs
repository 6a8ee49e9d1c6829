//! How long a git request waits, so that it never sees less than the upstream is known to have.
//!
//! The synchronisation runs anyway; all requests for the repository wait for the same one by watching its
//! record. The wait has a cap, because an old answer is better than none when the upstream is slow or away.

use std::time::Duration;

use heliostat_storage::{Generation, MirroredRepository};

use crate::holdings::{Holding, is_available};

/// What a request gets to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Everything that the upstream had told of when the request came.
    Current,
    /// Less than that: the synchronisation failed or takes too long.
    Behind {
        /// What is here.
        synced: Generation,
        /// What the upstream has.
        known: Generation,
    },
}

/// Waits until the repository has what the upstream is known to have at this moment.
pub(crate) async fn wait_until_fresh(holding: &Holding, cap: Duration) -> Freshness {
    let mut record = holding.subscribe();
    let at_arrival = record.borrow_and_update().clone();
    let target = at_arrival.generation_known;
    if has(&at_arrival, target) {
        return Freshness::Current;
    }
    let is_settled = |record: &MirroredRepository| {
        has(record, target) || record.removed_at.is_some() || record.failed_count > at_arrival.failed_count
    };
    // A repository that failed and waits for its next attempt will not become fresher within the cap.
    let is_coming = at_arrival.failed_count == 0 || holding.slot().is_busy();
    if is_coming {
        // Neither an end of the wait by time nor by removal matters: what is there now is the answer.
        let _ = tokio::time::timeout(cap, record.wait_for(|record| is_settled(record))).await;
    }
    let now = holding.record();
    if has(&now, target) {
        Freshness::Current
    } else {
        Freshness::Behind { synced: now.generation_synced, known: now.generation_known }
    }
}

fn has(record: &MirroredRepository, generation: Generation) -> bool {
    is_available(record) && record.generation_synced >= generation
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::holdings::tests::record;
    use crate::pending_changes::PendingChanges;
    use crate::sync_slot::Next;

    const CAP: Duration = Duration::from_secs(60);

    fn behind() -> MirroredRepository {
        MirroredRepository { generation_known: Generation(5), ..record(1, "engine") }
    }

    #[tokio::test]
    async fn what_is_current_does_not_wait() {
        let holding = Holding::new(record(1, "engine"));
        assert_eq!(wait_until_fresh(&holding, CAP).await, Freshness::Current);
    }

    #[tokio::test]
    async fn all_waiters_see_the_end_of_one_synchronisation() {
        let holding = Arc::new(Holding::new(behind()));
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let holding = Arc::clone(&holding);
                tokio::spawn(async move { wait_until_fresh(&holding, CAP).await })
            })
            .collect();
        holding.show(MirroredRepository { generation_synced: Generation(5), ..behind() });
        for waiter in waiters {
            assert_eq!(waiter.await.expect("the waiter does not panic"), Freshness::Current);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_ends_at_the_cap() {
        let holding = Holding::new(behind());
        let seen = wait_until_fresh(&holding, CAP).await;
        assert_eq!(seen, Freshness::Behind { synced: Generation(4), known: Generation(5) });
    }

    #[tokio::test]
    async fn a_failure_ends_the_wait() {
        let holding = Arc::new(Holding::new(behind()));
        assert_eq!(holding.slot().request(PendingChanges::Snapshot, 1), Next::Enqueue);
        let waiter = {
            let holding = Arc::clone(&holding);
            tokio::spawn(async move { wait_until_fresh(&holding, CAP).await })
        };
        tokio::task::yield_now().await;
        holding.show(MirroredRepository { failed_count: 1, ..behind() });
        assert!(matches!(waiter.await.expect("the waiter does not panic"), Freshness::Behind { .. }));
    }
}
