//! The reconciler: looks at repositories that have changed, at all of them now and then, and works on one at a time.
//!
//! It takes no input. What a signal tells is only where to look first; what to do is read off the disk, so a signal
//! that is lost costs time and nothing else. A failure is not repeated at once: the next look is the next attempt.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::carry_out::Maintained;
use super::counters::LastUpkeep;
use super::plan::{Thresholds, reason};
use super::tidy::Leftovers;
use crate::error::GitError;
use crate::repository::Repository;
use crate::repository_store::{OpenError, RepositoryStore};

/// Time between two looks at all repositories.
const LOOK_INTERVAL: Duration = Duration::from_mins(30);

/// How long changes are collected before they are looked at: pushes come in groups.
const SETTLE_TIME: Duration = Duration::from_secs(2);

/// How soon replaced packs are tried to be removed again while somebody still reads them.
const TIDY_INTERVAL: Duration = Duration::from_secs(5);

/// How long a repository whose upkeep has failed is left alone.
const FAILURE_PAUSE: Duration = Duration::from_mins(30);

/// Longest pause after a run. A pause lasts as long as the run: half of one core at most is used for upkeep.
const MAX_REST: Duration = Duration::from_mins(1);

/// Keeps the repositories of this store fast until `stop` is cancelled.
pub async fn keep_up(store: RepositoryStore, stop: CancellationToken) {
    let mut reconciler = Reconciler::new(store, Thresholds::default());
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
        let pause = match reconciler.waiting.is_empty() {
            true => next_round.saturating_duration_since(Instant::now()),
            false => TIDY_INTERVAL,
        };
        let store = reconciler.store.clone();
        let settled = async {
            store.engine().upkeep().woken().await;
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
    store: RepositoryStore,
    thresholds: Thresholds,
    /// Replaced packs that may still be read. Found again on disk if this is lost.
    waiting: BTreeMap<u64, Leftovers>,
    /// When a repository may be worked on again after a failure.
    not_before: HashMap<u64, Instant>,
}

impl Reconciler {
    pub(super) fn new(store: RepositoryStore, thresholds: Thresholds) -> Self {
        Self { store, thresholds, waiting: BTreeMap::new(), not_before: HashMap::new() }
    }

    /// Looks at every repository or at those that have changed, and tidies up what is due.
    pub(super) async fn reconcile(&mut self, all: bool) {
        let mut ids = self.store.engine().upkeep().take_changed();
        if all {
            match self.store.list().await {
                Ok(listed) => ids.extend(listed),
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot list the repositories to keep up"
                ),
            }
        }
        let engine = Arc::clone(self.store.engine());
        engine.upkeep().count(|counters| counters.pending = ids.len() as u64);
        for id in ids {
            self.look_at(id).await;
            engine.upkeep().count(|counters| counters.pending -= 1);
            // Between two runs, so that nothing waits for the end of a long round.
            self.tidy_waiting().await;
        }
        self.tidy_waiting().await;
    }

    async fn look_at(&mut self, id: u64) {
        let repository = match self.store.open(id).await {
            Ok(repository) => repository,
            Err(error) => {
                if matches!(error, OpenError::Missing(_)) {
                    self.store.engine().upkeep().forget(id);
                    self.waiting.remove(&id);
                    self.not_before.remove(&id);
                }
                // That it is broken is told by whoever wants to serve it.
                return;
            }
        };
        // Even while it is left alone: what somebody has deleted must not be offered.
        if let Err(error) = repository.check_bundle().await {
            tracing::warn!(
                repository.id = id,
                error = &error as &dyn std::error::Error,
                "cannot check the bundle of a repository; none is offered"
            );
        }
        if self.not_before.get(&id).is_some_and(|time| *time > Instant::now()) {
            return;
        }
        self.store.engine().upkeep().count(|counters| counters.looks += 1);
        let started = Instant::now();
        match self.keep_up_one(&repository).await {
            Ok(worked) => {
                self.not_before.remove(&id);
                if worked {
                    tokio::time::sleep(started.elapsed().min(MAX_REST)).await;
                }
            }
            Err(error) => {
                self.not_before.insert(id, Instant::now() + FAILURE_PAUSE);
                tracing::warn!(
                    repository.id = id,
                    error = &error as &dyn std::error::Error,
                    "cannot keep up a repository"
                );
            }
        }
    }

    /// Whether there was anything to do.
    async fn keep_up_one(&mut self, repository: &Repository) -> Result<bool, GitError> {
        let id = repository.id();
        let (refs, stock) = (repository.refs().await?, repository.stock().await?);
        let Some(reason) = reason(&stock, &refs, &self.thresholds) else {
            if stock.indexed.is_some()
                && stock.unindexed().next().is_some()
                && !self.waiting.contains_key(&id)
            {
                self.note_leftovers(repository).await?;
            }
            return Ok(false);
        };
        let upkeep = self.store.engine().upkeep();
        upkeep.count(|counters| counters.running = Some(id));
        let started = Instant::now();
        let outcome = repository.maintain_beyond(&self.thresholds).await;
        upkeep.count(|counters| {
            counters.running = None;
            counters.runs += 1;
            counters.busy += started.elapsed();
            counters.failures += u64::from(outcome.is_err());
            counters.packed_objects += outcome.as_ref().map_or(0, |done| done.packed_objects);
            let outcome = outcome.as_ref().map(Clone::clone).map_err(ToString::to_string);
            counters.last = Some(LastUpkeep { repository: id, reason, outcome });
        });
        // A run that has failed may have replaced packs before.
        self.note_leftovers(repository).await?;
        tell(id, reason, stock.bytes(), &outcome?);
        Ok(true)
    }

    async fn note_leftovers(&mut self, repository: &Repository) -> Result<(), GitError> {
        let leftovers = repository.leftovers().await?;
        self.waiting.insert(repository.id(), leftovers);
        Ok(())
    }

    pub(super) async fn tidy_waiting(&mut self) {
        for (id, leftovers) in std::mem::take(&mut self.waiting) {
            let Ok(repository) = self.store.open(id).await else { continue };
            match repository.tidy(&leftovers).await {
                Ok(Some(removed)) => {
                    self.store.engine().upkeep().count(|counters| {
                        counters.removed_packs += removed.packs as u64;
                        counters.removed_bytes += removed.bytes;
                    });
                    if removed.packs > 0 {
                        tracing::info!(
                            repository.id = id,
                            packs = removed.packs,
                            size_bytes = removed.bytes,
                            "replaced packs are removed"
                        );
                    }
                }
                Ok(None) => {
                    self.waiting.insert(id, leftovers);
                }
                Err(error) => tracing::warn!(
                    repository.id = id,
                    error = &error as &dyn std::error::Error,
                    "cannot remove replaced packs"
                ),
            }
        }
        let waiting = self.waiting.len() as u64;
        self.store.engine().upkeep().count(|counters| counters.waiting_for_readers = waiting);
    }
}

fn tell(id: u64, reason: &str, bytes_before: u64, done: &Maintained) {
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
        "repository is kept up"
    );
}
