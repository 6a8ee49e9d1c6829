//! What the upkeep of one store's repositories has to do, has done, and offers.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;

use super::carry_out::Maintained;
use crate::bundle::Bundle;

/// Turns of repositories that nobody uses are forgotten when there are more than this.
const MAX_IDLE_TURNS: usize = 1_024;

/// Shared by all repositories of a store.
#[derive(Debug, Default)]
pub struct Upkeep {
    changed: Mutex<BTreeSet<u64>>,
    wake: Notify,
    turns: Mutex<HashMap<u64, Arc<tokio::sync::Mutex<()>>>>,
    bundles: RwLock<HashMap<u64, Arc<Bundle>>>,
    counters: Mutex<UpkeepCounters>,
}

/// What the upkeep has done since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpkeepCounters {
    /// Repositories that have changed and were not looked at since, or are being looked at.
    pub pending: u64,
    /// Repositories that were looked at.
    pub looks: u64,
    /// Repositories that were worked on.
    pub runs: u64,
    /// Runs that failed.
    pub failures: u64,
    /// Time that all runs took together.
    pub busy: Duration,
    /// Objects that were written into new packs.
    pub packed_objects: u64,
    /// Packs that were removed because others replace them.
    pub removed_packs: u64,
    /// Bytes of those.
    pub removed_bytes: u64,
    /// Repositories whose replaced packs wait until nobody reads them any more.
    pub waiting_for_readers: u64,
    /// Repositories that offer a bundle.
    pub bundles: u64,
    /// The repository that is being worked on.
    pub running: Option<u64>,
    /// The run that ended last.
    pub last: Option<LastUpkeep>,
}

/// The run that ended last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUpkeep {
    /// The repository's number in its store.
    pub repository: u64,
    /// Why it was worked on.
    pub reason: &'static str,
    /// What was done; the text of the error if it failed.
    pub outcome: Result<Maintained, String>,
}

impl Upkeep {
    /// Notes that a repository has changed, and has somebody look at it soon.
    pub(crate) fn changed(&self, repository: u64) {
        lock(&self.changed).insert(repository);
        self.wake.notify_one();
    }

    /// Forgets what is known of a repository that is gone.
    pub(crate) fn forget(&self, repository: u64) {
        self.set_bundle(repository, None);
    }

    /// What has been done so far.
    pub fn counters(&self) -> UpkeepCounters {
        let changed = lock(&self.changed);
        let mut counters = lock(&self.counters).clone();
        counters.pending += changed.len() as u64;
        counters.bundles = self.bundles.read().unwrap_or_else(PoisonError::into_inner).len() as u64;
        counters
    }

    /// Held by whoever changes many references of a repository at once.
    pub(crate) fn turn(&self, repository: u64) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = lock(&self.turns);
        if turns.len() > MAX_IDLE_TURNS {
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        Arc::clone(turns.entry(repository).or_default())
    }

    /// The bundle that a repository offers. Reads no disk.
    pub(crate) fn bundle(&self, repository: u64) -> Option<Arc<Bundle>> {
        self.bundles.read().unwrap_or_else(PoisonError::into_inner).get(&repository).cloned()
    }

    pub(crate) fn set_bundle(&self, repository: u64, bundle: Option<Arc<Bundle>>) {
        let mut bundles = self.bundles.write().unwrap_or_else(PoisonError::into_inner);
        match bundle {
            Some(bundle) => bundles.insert(repository, bundle),
            None => bundles.remove(&repository),
        };
    }

    /// Whoever takes them counts down what is pending.
    pub(super) fn take_changed(&self) -> BTreeSet<u64> {
        let mut changed = lock(&self.changed);
        let taken = std::mem::take(&mut *changed);
        lock(&self.counters).pending = taken.len() as u64;
        taken
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut UpkeepCounters)) {
        change(&mut lock(&self.counters));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
