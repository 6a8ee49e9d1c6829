//! The reconciler: looks at repositories that have changed, at all of them now and then, and works on one at a time.
//!
//! It takes no input. What a signal tells is only where to look first; what to do is read off the disk, so a signal
//! that is lost costs time and nothing else. A failure is not repeated at once: the next look is the next attempt.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_git::{
    DiskRoom, GitError, OpenError, Repository, STALE_LOCK_AGE, STALE_TRANSFER_AGE, blocking,
};
use tokio_util::sync::CancellationToken;

use super::counters::LastRun;
use super::own_leftovers::clear_own_leftovers;
use super::pack_times::PackTimes;
use super::packs::PackInventory;
use super::plan::{Thresholds, reason};
use super::prune::prune_if_due;
use super::remove_replaced::{remove_packed_loose_objects, remove_packs};
use super::repack::{Repacked, repack};
use crate::served::{ServedRepositories, ServedRepository};

/// Time between two looks at all repositories.
const LOOK_INTERVAL: Duration = Duration::from_mins(30);

/// How long changes are collected before they are looked at: pushes come in groups.
const SETTLE_TIME: Duration = Duration::from_secs(2);

/// How soon it is tried again to remove replaced packs that are still being read, and locks that may still be held.
const REMOVAL_INTERVAL: Duration = Duration::from_secs(5);

/// How long a repository whose housekeeping has failed is left alone.
const FAILURE_PAUSE: Duration = Duration::from_mins(30);

/// Longest pause after a run. A pause lasts as long as the run: housekeeping uses half of one core at most.
const MAX_REST: Duration = Duration::from_mins(1);

/// Keeps the repositories of this store fast until `stop` is cancelled.
pub fn keep_house(repositories: ServedRepositories, stop: CancellationToken) -> BoxFuture<'static, ()> {
    // Behind a pointer it is compiled here, and as a future where it is waited for: in each crate above.
    reconcile_until(repositories, stop).boxed()
}

async fn reconcile_until(repositories: ServedRepositories, stop: CancellationToken) {
    let mut reconciler = Reconciler::new(repositories, Thresholds::default());
    let mut next_round = Instant::now();
    loop {
        let is_round = Instant::now() >= next_round;
        if is_round {
            next_round = Instant::now() + LOOK_INTERVAL;
        }
        // Dropping it ends the git that runs; what it has written so far is right and is found again.
        let work = async {
            reconciler.reconcile(is_round).await;
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = work => {}
        }
        let pause = match reconciler.waits() {
            true => REMOVAL_INTERVAL,
            false => next_round.saturating_duration_since(Instant::now()),
        };
        let engine = Arc::clone(reconciler.repositories.engine());
        let settled = async {
            engine.housekeeping().woken().await;
            tokio::time::sleep(SETTLE_TIME).await;
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            () = settled => {}
        }
    }
}

pub(super) struct Reconciler {
    repositories: ServedRepositories,
    thresholds: Thresholds,
    /// Of repositories that are being read, or whose replaced packs wait for readers.
    pack_times: HashMap<u64, PackTimes>,
    /// Repositories with lock files that may belong to a living process.
    locked: BTreeSet<u64>,
    /// When a repository may be worked on again after a failure.
    not_before: HashMap<u64, Instant>,
}

impl Reconciler {
    pub(super) fn new(repositories: ServedRepositories, thresholds: Thresholds) -> Self {
        Self {
            repositories,
            thresholds,
            pack_times: HashMap::new(),
            locked: BTreeSet::new(),
            not_before: HashMap::new(),
        }
    }

    /// Looks at every repository or at those that have changed, and removes what is due.
    pub(super) async fn reconcile(&mut self, all: bool) {
        let mut ids = self.repositories.engine().housekeeping().take_changed();
        if all {
            match self.repositories.store().list().await {
                Ok(listed) => ids.extend(listed),
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot list the repositories for housekeeping"
                ),
            }
        }
        let engine = Arc::clone(self.repositories.engine());
        engine.housekeeping().count(|counters| counters.pending = ids.len() as u64);
        for id in ids {
            self.look_at(id).await;
            engine.housekeeping().count(|counters| counters.pending -= 1);
            // Between two runs, so that nothing waits for the end of a long round.
            self.remove_waiting().await;
        }
        self.remove_waiting().await;
    }

    async fn look_at(&mut self, id: u64) {
        let served = match self.repositories.store().open(id).await {
            Ok(repository) => self.repositories.serve(repository),
            Err(error) => {
                if matches!(error, OpenError::Missing(_)) {
                    self.pack_times.remove(&id);
                    self.not_before.remove(&id);
                }
                // That it is broken is told where it is served.
                return;
            }
        };
        self.clear_leftovers(&served.repository).await;
        // Even while it is left alone: what was deleted must not be offered.
        if let Err(error) = self.repositories.engine().bundles().check(&served.repository).await {
            served.repository.note(&error);
            tracing::warn!(
                repository.id = id,
                error = &error as &dyn std::error::Error,
                "cannot check the bundle of a repository; none is offered"
            );
        }
        if self.not_before.get(&id).is_some_and(|time| *time > Instant::now()) {
            return;
        }
        self.repositories.engine().housekeeping().count(|counters| counters.looks += 1);
        let started = Instant::now();
        let engine = Arc::clone(self.repositories.engine());
        let alone = engine.housekeeping().alone().await;
        let worked = match self.repack_if_due(&served).await {
            Ok(repacked) => prune_if_due(&served, &self.thresholds).await.map(|pruned| repacked || pruned),
            failed => failed,
        };
        drop(alone);
        match worked {
            Ok(worked) => {
                self.not_before.remove(&id);
                if worked {
                    tokio::time::sleep(started.elapsed().min(MAX_REST)).await;
                }
            }
            Err(error) => {
                served.repository.note(&error);
                // A git that was killed leaves its locks, and the next look may be far away.
                self.clear_leftovers(&served.repository).await;
                self.not_before.insert(id, Instant::now() + FAILURE_PAUSE);
                tracing::warn!(
                    repository.id = id,
                    error = &error as &dyn std::error::Error,
                    "cannot repack a repository"
                );
            }
        }
    }

    /// Whether there was anything to do.
    async fn repack_if_due(&mut self, served: &ServedRepository) -> Result<bool, GitError> {
        let repository = &served.repository;
        let id = repository.id();
        let refs = repository.refs().await?;
        let mut inventory = self.look_at_packs(repository).await?;
        // Those that are in packs, which a run had no time to remove that was killed, are no work.
        let has_many_loose = inventory.loose_weight() >= self.thresholds.loose_weight;
        if has_many_loose && remove_packed_loose_objects(repository).await? > 0 {
            inventory = self.look_at_packs(repository).await?;
        }
        let Some(reason) = reason(&inventory, &refs, &self.thresholds) else { return Ok(false) };
        if !self.has_room_for(&inventory).await {
            tracing::debug!(
                repository.id = id,
                reason,
                "a repository is not repacked: the disk has no room for it"
            );
            return Ok(false);
        }
        let housekeeping = self.repositories.engine().housekeeping();
        housekeeping.count(|counters| counters.running = Some(id));
        let started = Instant::now();
        let outcome = repack(served, &self.thresholds).await;
        housekeeping.count(|counters| {
            counters.running = None;
            counters.runs += 1;
            counters.busy += started.elapsed();
            counters.failures += u64::from(outcome.is_err());
            counters.packed_objects += outcome.as_ref().map_or(0, |done| done.packed_objects);
            let outcome = outcome.as_ref().map(Clone::clone).map_err(ToString::to_string);
            counters.last = Some(LastRun { repository: id, reason, outcome });
        });
        // A run that has failed may have packed and replaced something before.
        remove_packed_loose_objects(repository).await?;
        self.look_at_packs(repository).await?;
        tell(id, reason, inventory.bytes(), &outcome?);
        Ok(true)
    }

    /// Whether all of a repository can be written once more without filling the disk.
    async fn has_room_for(&self, inventory: &PackInventory) -> bool {
        let root = self.repositories.store().root().to_owned();
        match blocking(move || DiskRoom::of(&root)).await {
            Ok(room) => room.free_bytes > inventory.bytes().saturating_add(room.kept_bytes()),
            Err(_) => true,
        }
    }

    /// Looks at the packs, and notes when they came and were replaced.
    async fn look_at_packs(&mut self, repository: &Repository) -> Result<PackInventory, GitError> {
        let (id, readers) = (repository.id(), repository.git().readers());
        let began = readers.now();
        let offered = self.repositories.engine().bundles().of(id);
        let found = PackInventory::look_beside(repository, offered).await?;
        let times = self.pack_times.entry(id).or_default();
        times.note(began, &found, readers);
        if !times.has_replaced() && !readers.are_any(repository.path()) {
            self.pack_times.remove(&id);
        }
        Ok(found)
    }

    fn waits(&self) -> bool {
        !self.locked.is_empty() || self.pack_times.values().any(PackTimes::has_replaced)
    }

    /// Removes what transfers and housekeeping have left that were killed, also where there is nothing else to do.
    async fn clear_leftovers(&mut self, repository: &Repository) {
        let engine = Arc::clone(self.repositories.engine());
        let cleared = async {
            repository.clear_stale_transfers(STALE_TRANSFER_AGE).await?;
            let locks = repository.clear_stale_locks(STALE_LOCK_AGE).await?;
            let _alone = engine.housekeeping().alone().await;
            let own = clear_own_leftovers(repository).await?;
            Ok::<_, std::io::Error>(locks.left + own.left)
        };
        let id = repository.id();
        match cleared.await {
            Ok(0) => drop(self.locked.remove(&id)),
            Ok(_) => drop(self.locked.insert(id)),
            Err(error) => tracing::warn!(
                repository.id = id,
                error = &error as &dyn std::error::Error,
                "cannot remove what killed processes left"
            ),
        }
    }

    /// Removes what could not be removed before because it may have been in use.
    pub(super) async fn remove_waiting(&mut self) {
        for id in std::mem::take(&mut self.locked) {
            if let Ok(repository) = self.repositories.store().open(id).await {
                self.clear_leftovers(&repository).await;
            }
        }
        self.remove_replaced().await;
    }

    /// Removes the replaced packs that no reader needs any more.
    async fn remove_replaced(&mut self) {
        let waiting = self.pack_times.iter().filter(|(_, times)| times.has_replaced());
        for id in waiting.map(|(id, _)| *id).collect::<Vec<_>>() {
            match self.remove_replaced_of(id).await {
                Ok(()) => {}
                Err(error) => tracing::warn!(
                    repository.id = id,
                    error = &error as &dyn std::error::Error,
                    "cannot remove replaced packs"
                ),
            }
        }
        let waiting = self.pack_times.values().filter(|times| times.has_replaced()).count() as u64;
        self.repositories.engine().housekeeping().count(|counters| counters.waiting_for_readers = waiting);
    }

    async fn remove_replaced_of(&mut self, id: u64) -> Result<(), GitError> {
        let Ok(repository) = self.repositories.store().open(id).await else {
            self.pack_times.remove(&id);
            return Ok(());
        };
        let engine = Arc::clone(self.repositories.engine());
        let _alone = engine.housekeeping().alone().await;
        // Looked at again, because the common index may have been written anew without them.
        self.look_at_packs(&repository).await?;
        let Some(times) = self.pack_times.get_mut(&id) else { return Ok(()) };
        let free = times.free(repository.path(), repository.git().readers());
        if free.is_empty() {
            return Ok(());
        }
        times.forget(&free);
        let removed = remove_packs(&repository, free).await?;
        self.repositories.engine().housekeeping().count(|counters| {
            counters.removed_packs += removed.packs as u64;
            counters.removed_bytes += removed.bytes;
        });
        tracing::info!(
            repository.id = id,
            packs = removed.packs,
            size_bytes = removed.bytes,
            "replaced packs are removed"
        );
        Ok(())
    }
}

fn tell(id: u64, reason: &str, bytes_before: u64, done: &Repacked) {
    tracing::info!(
        repository.id = id,
        reason,
        packs_before = done.packs_before,
        packs_after = done.packs_after,
        packed_objects = done.packed_objects,
        size_before_bytes = bytes_before,
        size_bytes = done.pack_bytes,
        has_bitmap = done.has_bitmap,
        packed_refs = done.packed_refs,
        has_bundle = done.has_bundle,
        duration_ms = done.took.as_millis() as u64,
        "repository is repacked"
    );
}
