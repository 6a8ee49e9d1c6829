//! What the housekeeping of one store's repositories has to do, and what it has done.

use std::collections::BTreeSet;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::repack::Repacked;

/// Shared by all repositories of a store.
#[derive(Debug, Default)]
pub(crate) struct Housekeeping {
    changed: Mutex<BTreeSet<u64>>,
    wake: Notify,
    counters: Mutex<HousekeepingCounters>,
    alone: tokio::sync::Mutex<()>,
}

/// What housekeeping has done since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HousekeepingCounters {
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
    /// Repositories whose replaced packs wait until they are no longer read.
    pub waiting_for_readers: u64,
    /// Repositories that offer a bundle.
    pub bundles: u64,
    /// The repository that is being worked on.
    pub running: Option<u64>,
    /// The run that ended last.
    pub last: Option<LastRun>,
}

/// The run that ended last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    /// The repository's number in its store.
    pub repository: u64,
    /// Why it was worked on.
    pub reason: &'static str,
    /// What was done; the text of the error if it failed.
    pub outcome: Result<Repacked, String>,
}

impl Housekeeping {
    /// To be held by one that rewrites or removes packs.
    pub(crate) async fn alone(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.alone.lock().await
    }

    /// Notes that a repository has changed, and has it looked at soon.
    pub(crate) fn changed(&self, repository: u64) {
        self.changed.lock().insert(repository);
        self.wake.notify_one();
    }

    /// What has been done so far, without the bundles, which are counted where they are.
    pub(crate) fn counters(&self) -> HousekeepingCounters {
        let changed = self.changed.lock();
        let mut counters = self.counters.lock().clone();
        counters.pending += changed.len() as u64;
        counters
    }

    /// Takes those that have changed; the caller counts down what is pending.
    pub(super) fn take_changed(&self) -> BTreeSet<u64> {
        let mut changed = self.changed.lock();
        let taken = std::mem::take(&mut *changed);
        self.counters.lock().pending = taken.len() as u64;
        taken
    }

    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut HousekeepingCounters)) {
        change(&mut self.counters.lock());
    }
}
