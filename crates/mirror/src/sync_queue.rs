//! Which repositories wait for a synchronisation, and the workers that carry them out.
//!
//! Two lanes: one for repositories that clients can already clone, one for first synchronisations. A first
//! clone can take an hour, and a push to another repository must not wait for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use heliostat_git::ContentHash;
use heliostat_peer::BackOff;
use heliostat_storage::Generation;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;
use uuid::Uuid;

use crate::holdings::{Holding, is_available};
use crate::mirror::Mirror;
use crate::pending_changes::PendingChanges;
use crate::sync_repository::SyncFailure;
use crate::sync_slot::{Next, SyncRun};
use crate::upstream_calls::{SyncReport, SyncType};

/// When a failed synchronisation is tried again.
const RETRY: BackOff = BackOff::new(Duration::from_secs(1), Duration::from_secs(300));

/// The repositories that wait.
#[derive(Default)]
pub(crate) struct SyncQueue {
    following: Lane,
    first: Lane,
}

/// Each repository is in at most one lane, once (see [`crate::sync_slot`]): that bounds it.
struct Lane {
    waiting: Mutex<VecDeque<Arc<Holding>>>,
    arrivals: Semaphore,
}

/// What kind of synchronisations a worker carries out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Of repositories that are served.
    Following,
    /// Of repositories that are not served yet.
    First,
}

impl Work {
    fn as_str(self) -> &'static str {
        match self {
            Work::Following => "following",
            Work::First => "first",
        }
    }
}

/// What a synchronisation brought.
pub(crate) struct Synced {
    pub(crate) generation: Generation,
    pub(crate) content_hash: ContentHash,
    pub(crate) sync_type: SyncType,
}

impl Default for Lane {
    fn default() -> Self {
        Self { waiting: Mutex::default(), arrivals: Semaphore::new(0) }
    }
}

impl Lane {
    fn put(&self, holding: Arc<Holding>) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(holding);
        self.arrivals.add_permits(1);
    }

    async fn next(&self) -> Option<Arc<Holding>> {
        self.arrivals.acquire().await.ok()?.forget();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl SyncQueue {
    /// Puts the repository into a lane if its slot asked for it.
    pub(crate) fn follow(&self, next: Next, holding: &Arc<Holding>) {
        if next == Next::Enqueue {
            let lane = if is_available(&holding.record()) { &self.following } else { &self.first };
            lane.put(Arc::clone(holding));
        }
    }

    fn lane(&self, work: Work) -> &Lane {
        match work {
            Work::Following => &self.following,
            Work::First => &self.first,
        }
    }
}

impl Mirror {
    /// Sees to it that the repository is synchronised, at least as thoroughly as asked for.
    pub(crate) fn request_sync(&self, holding: &Arc<Holding>, work: PendingChanges) {
        let next = holding.slot().request(work, self.options.clock.now_ms());
        self.queue.follow(next, holding);
    }

    /// One worker; ends with the token.
    pub(crate) async fn synchronise_queued(
        self: Arc<Self>,
        work: Work,
        number: usize,
        stop: CancellationToken,
    ) {
        let worker = format!("sync-{}-{number}", work.as_str());
        loop {
            let holding = tokio::select! {
                () = stop.cancelled() => return,
                holding = self.queue.lane(work).next() => holding,
            };
            let Some(holding) = holding else { continue };
            // A task of its own, so that a panic costs one synchronisation and not the worker.
            let run = SyncRun {
                id: Uuid::new_v4().simple().to_string(),
                worker: worker.clone(),
                started_at: self.options.clock.now_ms(),
            };
            let span = tracing::info_span!("synchronise", sync.id = run.id);
            let task = Arc::clone(&self).synchronise(holding, run, stop.clone()).instrument(span);
            let task = AbortOnDropHandle::new(tokio::spawn(task));
            tokio::select! {
                () = stop.cancelled() => return,
                ended = task => if let Err(error) = ended {
                    tracing::error!(error = &error as &dyn std::error::Error, "a synchronisation has crashed");
                }
            }
        }
    }

    async fn synchronise(self: Arc<Self>, holding: Arc<Holding>, run: SyncRun, stop: CancellationToken) {
        if !self.is_held(&holding) {
            holding.slot().abandon();
            return;
        }
        let before = holding.record();
        let started_at = run.started_at;
        let work = holding.slot().begin(before.generation_known, run);
        let outcome = match self.sync_repository(&holding, &work).await {
            Ok(synced) => self
                .note_synced(&holding, synced.generation, &synced.content_hash, started_at)
                .await
                .map(|()| synced)
                .map_err(SyncFailure::from),
            Err(failure) => Err(failure),
        };
        let next = match outcome {
            Ok(synced) => {
                let took_ms = self.options.clock.now_ms() - started_at;
                tracing::info!(
                    repository.project = before.project_key,
                    repository.slug = before.slug,
                    generation = synced.generation.0,
                    duration_ms = took_ms,
                    "repository is synchronised"
                );
                let (generation, sync_type) = (synced.generation, Some(synced.sync_type));
                self.reports.put(&holding, SyncReport::Synchronized { generation, sync_type });
                let known = holding.record().generation_known;
                holding.slot().succeeded(synced.generation, known)
            }
            Err(failure) => {
                self.take_in_failure(&holding, &failure, &stop).await;
                holding.slot().failed(work)
            }
        };
        self.queue.follow(next, &holding);
    }

    async fn take_in_failure(
        self: &Arc<Self>,
        holding: &Arc<Holding>,
        failure: &SyncFailure,
        stop: &CancellationToken,
    ) {
        let failures = u32::try_from(holding.record().failed_count).unwrap_or(0).saturating_add(1);
        let delay = RETRY.after(failures);
        let record = holding.record();
        tracing::warn!(
            repository.project = record.project_key,
            repository.slug = record.slug,
            error = failure as &dyn std::error::Error,
            failures,
            retry_in_ms = delay.as_millis() as u64,
            "repository cannot be synchronised"
        );
        let next_attempt_at = self.options.clock.now_ms().saturating_add(delay.as_millis() as i64);
        if let Err(error) = self.note_failed(holding, &failure.in_full(), next_attempt_at).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "cannot record a failed synchronisation"
            );
        }
        if failure.is_worth_reporting() {
            self.reports.put(holding, SyncReport::SynchronizationFailed);
        }
        self.try_again_in(delay, holding, stop.clone());
    }

    fn try_again_in(self: &Arc<Self>, delay: Duration, holding: &Arc<Holding>, stop: CancellationToken) {
        let (mirror, holding) = (Arc::clone(self), Arc::clone(holding));
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(delay) => {
                    if holding.record().failed_count > 0 {
                        mirror.request_sync(&holding, PendingChanges::Nothing);
                    }
                }
            }
        });
    }

    /// Whether the repository still is one that this mirror holds and may ask the upstream for.
    pub(crate) fn is_held(&self, holding: &Holding) -> bool {
        let record = holding.record();
        record.removed_at.is_none() && self.bond.is_installed() && self.selection().covers(&record.project_id)
    }
}
