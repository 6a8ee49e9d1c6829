//! The refs of each repository as they were last recorded, and the lock under which they are recorded.
//!
//! Comparing the refs on disk with these tells what a push has changed. The same value answers readers from
//! memory: it changes only when a change is recorded, so that no reader sees refs of which no event tells yet.

use std::collections::HashMap;
use std::sync::Arc;

use heliostat_git::RefSnapshot;
use heliostat_storage::RepositoryId;
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// How many repositories' refs are kept in memory.
const MAX_KNOWN: usize = 4_096;

type Slot = Arc<AsyncMutex<Option<RefSnapshot>>>;

/// The memory; one per process.
#[derive(Default)]
pub(super) struct KnownRefs(Mutex<HashMap<RepositoryId, Slot>>);

impl KnownRefs {
    /// Locks a repository's refs. The value is `None` until they are read for the first time.
    pub(crate) async fn lock(&self, id: RepositoryId) -> OwnedMutexGuard<Option<RefSnapshot>> {
        self.slot(id).lock_owned().await
    }

    /// Forgets a repository that is gone.
    pub(crate) fn forget(&self, id: RepositoryId) {
        self.0.lock().remove(&id);
    }

    fn slot(&self, id: RepositoryId) -> Slot {
        let mut slots = self.0.lock();
        if slots.len() >= MAX_KNOWN && !slots.contains_key(&id) {
            // A slot in use is a lock and must stay the only one of its repository.
            let mut excess = MAX_KNOWN / 4;
            slots.retain(|_, slot| {
                let keep = excess == 0 || Arc::strong_count(slot) > 1;
                excess -= usize::from(!keep);
                keep
            });
        }
        Arc::clone(slots.entry(id).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_bounded_and_held_locks_survive() {
        let known = KnownRefs::default();
        let held = known.lock(RepositoryId(0)).await;
        for id in 1..=2 * i32::try_from(MAX_KNOWN).expect("a small number") {
            *known.lock(RepositoryId(id)).await = Some(RefSnapshot::empty());
        }
        assert!(known.0.lock().len() <= MAX_KNOWN);
        assert!(known.slot(RepositoryId(0)).try_lock().is_err(), "still the same lock");
        drop(held);
        assert!(known.slot(RepositoryId(0)).try_lock().is_ok());
    }
}
