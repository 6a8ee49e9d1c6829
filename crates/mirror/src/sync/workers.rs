//! The workers that carry out what waits in the queue, and what follows from the outcome.

use std::sync::Arc;
use std::time::{Duration, Instant};

use heliostat_git_serve::{ServedRepositories, make_room};
use heliostat_peer::{BackOff, Clock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;
use uuid::Uuid;

use super::batches::{Batch, Batches, Prepared};
use super::pending_changes::PendingChanges;
use super::queue::{Company, SyncQueue, Task, Work};
use super::repairs::Repairs;
use super::report_outcome::OutcomeReports;
use super::slot::SyncRun;
use super::sync_repository::{SyncFailure, Synced, Synchroniser};
use crate::inventory::{Entry, Inventory};
use crate::upstream_link::SyncReport;

/// When a failed synchronisation is tried again.
const RETRY: BackOff = BackOff::new(Duration::from_secs(1), Duration::from_secs(300));

/// When a repository that cannot be read here is tried again: such a fault is often gone in a moment.
const READ_AGAIN: BackOff = BackOff::new(Duration::from_millis(500), Duration::from_secs(10));

/// What every worker needs.
pub(crate) struct SyncWorkers {
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) queue: Arc<SyncQueue>,
    pub(crate) synchroniser: Arc<Synchroniser>,
    pub(crate) batches: Arc<Batches>,
    pub(crate) repairs: Arc<Repairs>,
    pub(crate) served: ServedRepositories,
    pub(crate) reports: Arc<OutcomeReports>,
    pub(crate) clock: Clock,
}

impl SyncWorkers {
    /// One worker; ends with the token.
    pub(crate) async fn run(self: Arc<Self>, work: Work, number: usize, stop: CancellationToken) {
        let worker = format!("sync-{}-{number}", work.as_str());
        loop {
            let task = tokio::select! {
                () = stop.cancelled() => return,
                task = self.queue.next(work) => task,
            };
            match task {
                Some(Task::One(entry)) => self.do_one(entry, None, &worker, &stop).await,
                Some(Task::Many(entries)) => self.do_many(entries, &worker, &stop).await,
                None => {}
            }
        }
    }

    /// Asks for these together, and synchronises those that have come.
    async fn do_many(self: &Arc<Self>, entries: Vec<Arc<Entry>>, worker: &str, stop: &CancellationToken) {
        let (batches, asked_for) = (Arc::clone(&self.batches), entries.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(async move { batches.prepare(asked_for).await }));
        let batch = tokio::select! {
            () = stop.cancelled() => return,
            ended = task => ended.unwrap_or_else(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "a transfer of several has crashed");
                Batch { alone: entries, ..Batch::default() }
            }),
        };
        batch.again.into_iter().for_each(|entry| self.queue.put_back(entry, Company::Others));
        batch.alone.into_iter().for_each(|entry| self.queue.put_back(entry, Company::Alone));
        for (entry, prepared) in batch.prepared {
            self.do_one(entry, Some(prepared), worker, stop).await;
        }
    }

    async fn do_one(
        self: &Arc<Self>,
        entry: Arc<Entry>,
        prepared: Option<Prepared>,
        worker: &str,
        stop: &CancellationToken,
    ) {
        // A task of its own, so that a panic costs one synchronisation and not the worker.
        let run = SyncRun {
            id: Uuid::new_v4().simple().to_string(),
            worker: worker.to_owned(),
            started_at: self.clock.now_ms(),
        };
        let span = tracing::info_span!("synchronise", sync.id = run.id);
        let task = Arc::clone(self).synchronise(entry, prepared, run, stop.clone()).instrument(span);
        let task = AbortOnDropHandle::new(tokio::spawn(task));
        tokio::select! {
            () = stop.cancelled() => {}
            ended = task => if let Err(error) = ended {
                tracing::error!(error = &error as &dyn std::error::Error, "a synchronisation has crashed");
            }
        }
    }

    async fn synchronise(
        self: Arc<Self>,
        entry: Arc<Entry>,
        prepared: Option<Prepared>,
        run: SyncRun,
        stop: CancellationToken,
    ) {
        if !self.inventory.is_mirrored(&entry) || entry.record().held.is_some() {
            self.queue.abandon(&entry);
            return;
        }
        let (started_at, began) = (run.started_at, Instant::now());
        let work = self.queue.begin(&entry, run);
        // What is found damaged from here on is made anew by the next synchronisation.
        let made_anew = entry.must_be_made_anew();
        match self.synchronise_and_record(&entry, &work, prepared, started_at).await {
            Ok(synced) => {
                self.synchroniser.runs.count_success(began.elapsed());
                self.repairs.synchronised(&entry, made_anew);
                let record = entry.record();
                tracing::info!(
                    repository.project = record.project_key,
                    repository.slug = record.slug,
                    generation = synced.generation.0,
                    duration_ms = self.clock.now_ms() - started_at,
                    "repository is synchronised"
                );
                let (generation, sync_type) = (synced.generation, Some(synced.sync_type));
                self.reports.put(&entry, SyncReport::Synchronized { generation, sync_type });
                self.queue.succeeded(&entry, synced.generation);
            }
            Err(failure) => {
                self.synchroniser.runs.count_failure(began.elapsed());
                self.take_in_failure(&entry, &failure, &stop).await;
                self.queue.failed(&entry, &work, failure.step_here());
            }
        }
    }

    async fn synchronise_and_record(
        &self,
        entry: &Arc<Entry>,
        work: &PendingChanges,
        prepared: Option<Prepared>,
        started_at: i64,
    ) -> Result<Synced, SyncFailure> {
        if let Ok(room) = make_room(&self.served).await
            && let Some(refusal) = room.refusal()
        {
            return Err(SyncFailure::NoRoom(refusal));
        }
        let synced = self.synchroniser.sync_repository(entry, work, prepared).await?;
        self.inventory.note_synced(entry, synced.generation, &synced.content_hash, started_at).await?;
        self.inventory.note_origin(entry).await;
        Ok(synced)
    }

    async fn take_in_failure(&self, entry: &Arc<Entry>, failure: &SyncFailure, stop: &CancellationToken) {
        let failures = u32::try_from(entry.record().failed_count).unwrap_or(0).saturating_add(1);
        if let Some(fault) = failure.fault()
            && fault.is_damage()
        {
            self.repairs.suspect(entry, &fault);
        }
        let is_unreadable = failure.fault().is_some_and(|fault| !fault.is_damage());
        let delay = if is_unreadable { READ_AGAIN } else { RETRY }.after(failures);
        let record = entry.record();
        tracing::warn!(
            repository.project = record.project_key,
            repository.slug = record.slug,
            error = failure as &dyn std::error::Error,
            failures,
            retry_in_ms = delay.as_millis() as u64,
            "repository cannot be synchronised"
        );
        let next_attempt_at = self.clock.now_ms().saturating_add(delay.as_millis() as i64);
        if let Err(error) = self.inventory.note_failed(entry, &failure.in_full(), next_attempt_at).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "cannot record a failed synchronisation"
            );
        }
        if failure.is_worth_reporting() {
            self.reports.put(entry, SyncReport::SynchronizationFailed);
        }
        self.try_again_in(delay, entry, stop.clone());
    }

    fn try_again_in(&self, delay: Duration, entry: &Arc<Entry>, stop: CancellationToken) {
        let (queue, entry) = (Arc::clone(&self.queue), Arc::clone(entry));
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(delay) => {
                    if entry.record().failed_count > 0 {
                        queue.request(&entry, PendingChanges::Nothing);
                    }
                }
            }
        });
    }
}
