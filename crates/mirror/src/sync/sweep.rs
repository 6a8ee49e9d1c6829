//! Compares everything that this mirror should have with what the upstream has, and repairs what differs.
//!
//! The event makes a change arrive fast; the sweep makes it arrive. It takes no input and can be repeated at any time.
//! What is known here is compared in one call and part by part where the upstream can do that (`compare_parts.rs`), and
//! else with its whole listing (`compare_listing.rs`). A repository that the upstream does not list is asked for by its id
//! before it is removed, and none is before all was compared: a listing that is read page by page can skip one when
//! another is deleted meanwhile. One that the upstream does not know is held after a second look (`missed.rs`).

use std::sync::Arc;
use std::time::Duration;

use heliostat_auth::Secret;
use heliostat_git::TrashReason;
use heliostat_peer::{BackOff, CallError, Clock};
use heliostat_storage::{HeldReason, StoreError};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::late_news::as_it_is_now;
use super::missed::{EVENT_TIME, Missed};
use super::pending_changes::PendingChanges;
use super::queue::SyncQueue;
use super::sweep_progress::{SweepOutcome, SweepProgress};
use super::sync_repository::{SyncFailure, Synchroniser};
use crate::inventory::{
    Entry, Inventory, LoadError, RemovalDecision, SelectedProjects, Selection, judge_removal,
};
use crate::upstream_link::{UpstreamClient, UpstreamLink, UpstreamRepository};

/// How soon a failed sweep is repeated; never later than the next one is due.
const RETRY: BackOff = BackOff::new(Duration::from_secs(2), Duration::from_secs(60));

/// How long after it has woken those that failed a sweep does so again: what fails can wake a sweep.
const WAKE_PAUSE: Duration = Duration::from_secs(5);

/// What a sweep may move into the trash on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MassRemoval {
    /// What the upstream has announced, and a few repositories without a record.
    #[default]
    NeedsConfirmation,
    /// Whatever the upstream no longer lists.
    Allowed,
}

/// Wakes the sweep before its time.
#[derive(Debug, Default)]
pub struct SweepSignal {
    notify: Notify,
}

impl SweepSignal {
    /// Compares with the upstream soon, and not only when the interval is over.
    pub fn wake(&self) {
        self.notify.notify_one();
    }
}

/// The comparison with the upstream.
pub(crate) struct Sweep {
    pub(crate) interval: Duration,
    pub(crate) mass_removal: MassRemoval,
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) client: UpstreamClient,
    pub(crate) selection: Arc<SelectedProjects>,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) queue: Arc<SyncQueue>,
    pub(crate) synchroniser: Arc<Synchroniser>,
    pub(crate) signal: Arc<SweepSignal>,
    pub(crate) progress: Arc<SweepProgress>,
    pub(crate) clock: Clock,
    /// Those that the last comparison has missed.
    pub(crate) missed: Missed,
    /// When those that had failed were woken last.
    pub(crate) woken_at: Mutex<Option<Instant>>,
}

/// Why a sweep did not get to its end.
#[derive(Debug, Error)]
pub(crate) enum SweepFailure {
    #[error(transparent)]
    Upstream(#[from] CallError),
    #[error("the upstream's listing does not end within {0} pages")]
    Endless(usize),
    #[error("the comparison of what is known here was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
    #[error("cannot record what was found")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Disk(#[from] LoadError),
}

impl Sweep {
    /// The reconciler behind everything that this mirror has; ends with the token.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut selection = self.selection.subscribe();
        let mut failures = 0;
        loop {
            selection.mark_unchanged();
            let before = self.link.upstream().state;
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.sweep_if_installed() => outcome,
            };
            let pause = match outcome {
                Ok(()) => {
                    failures = 0;
                    if self.missed.are_any() { EVENT_TIME.min(self.interval) } else { self.interval }
                }
                Err(failure) => {
                    failures += 1;
                    self.take_in_failed_sweep(&failure);
                    RETRY.after(failures).min(self.interval)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.signal.notify.notified() => {}
                () = self.link.becoming_installed(before) => {}
                Ok(()) = selection.changed() => {}
            }
        }
    }

    fn take_in_failed_sweep(&self, failure: &SweepFailure) {
        let reason = failure.to_string();
        tracing::warn!(error = reason, "the comparison with the upstream failed, and is repeated");
        self.progress.sweep_failed(reason);
        self.link.contact().not_compared();
    }

    async fn sweep_if_installed(&self) -> Result<(), SweepFailure> {
        let Some(secret) = self.link.secret_in_force() else {
            self.inventory.erase_after_grace().await?;
            return Ok(());
        };
        let selection = self.selection.current();
        let began = Instant::now();
        self.client.server_time_ms(&secret).await?;
        self.progress.sweep_begins(&selection);
        let outcome = self.sweep(&selection, &secret).await?;
        // Where it has changed meanwhile, and be it back, the next sweep follows at once.
        if Arc::ptr_eq(&selection, &self.selection.current()) {
            self.progress.looked_for(selection);
        }
        self.progress.sweep_ended(outcome, began);
        self.link.contact().compared();
        self.link.contact().has_news();
        Ok(())
    }

    async fn sweep(&self, selection: &Selection, secret: &Secret) -> Result<SweepOutcome, SweepFailure> {
        let present = self.inventory.all();
        let count = present.len();
        let (wanted, deselected): (Vec<_>, Vec<_>) =
            present.into_iter().partition(|entry| selection.covers(&entry.record().project_id));

        let mut outcome = SweepOutcome::default();
        let unlisted = match self.compare_parts(&wanted, selection, secret, &mut outcome).await? {
            Some(unlisted) => unlisted,
            None => self.compare_listing(&wanted, selection, secret, &mut outcome).await?,
        };
        self.remove_deselected(&deselected, &mut outcome).await?;
        self.inventory.finish_removals().await?;
        self.discard_unrecorded(count, &mut outcome).await?;
        self.remove_unlisted(&unlisted, secret, &mut outcome).await?;
        self.wake_those_that_failed();
        self.queue.retain(|| self.inventory.all().iter().map(|entry| entry.local_id).collect());
        Ok(outcome)
    }

    /// The upstream has answered, so what failed while it was away need not wait for its own next attempt.
    fn wake_those_that_failed(&self) {
        let mut woken_at = self.woken_at.lock();
        if woken_at.is_some_and(|woken_at| woken_at.elapsed() < WAKE_PAUSE) {
            return;
        }
        *woken_at = Some(Instant::now());
        drop(woken_at);
        for entry in self.inventory.mirrored() {
            let record = entry.record();
            if record.failed_count > 0 && record.held.is_none() && !self.queue.is_busy(&entry) {
                self.queue.request(&entry, PendingChanges::Nothing);
            }
        }
    }

    /// Takes in what the upstream has of these repositories, for which it was asked at this moment. Those that are new here
    /// are recorded all at once.
    pub(super) async fn compare_all(
        &self,
        repositories: &[UpstreamRepository],
        asked: Instant,
        outcome: &mut SweepOutcome,
    ) -> Result<(), SweepFailure> {
        let selection = self.selection.current();
        let wanted = repositories.iter().filter(|repository| selection.covers(&repository.project.id));
        let wanted: Vec<&UpstreamRepository> = wanted.collect();
        for entry in self.inventory.adopt_all(&wanted).await? {
            self.queue.request(&entry, PendingChanges::Snapshot);
            outcome.added += 1;
        }
        for repository in wanted {
            self.compare(repository, asked, outcome).await?;
        }
        Ok(())
    }

    async fn compare(
        &self,
        repository: &UpstreamRepository,
        asked: Instant,
        outcome: &mut SweepOutcome,
    ) -> Result<(), SweepFailure> {
        if !self.selection.current().covers(&repository.project.id) {
            return Ok(());
        }
        let Some(entry) = self.inventory.find(&repository.external_id) else {
            let there = as_it_is_now(&self.client, &self.link, &self.inventory, repository).await?;
            let Some(repository) = there else { return Ok(()) };
            if let Some(entry) = self.inventory.adopt(&repository).await? {
                self.queue.request(&entry, PendingChanges::Snapshot);
            }
            outcome.added += 1;
            return Ok(());
        };
        let need = self.inventory.reconsider(&entry, repository).await?;
        self.queue.request_needed(&entry, need);
        let need = self.inventory.describe(&entry, repository, asked).await?;
        self.queue.request_needed(&entry, need);
        if entry.record().held == Some(HeldReason::Replaced) {
            return Ok(());
        }
        let is_older = repository.generation < entry.record().generation_known;
        if is_older {
            // An event has overtaken the listing, or the upstream has lost its past. It knows which.
            match self.synchroniser.ask_upstream(&entry).await {
                Err(SyncFailure::Upstream(error)) => return Err(error.into()),
                Err(SyncFailure::Store(error)) => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
        } else {
            self.inventory.note_known(&entry, repository).await?;
        }
        self.follow_if_behind(&entry, outcome);
        Ok(())
    }

    /// Has a repository brought forward that is not what the upstream is known to have.
    pub(super) fn follow_if_behind(&self, entry: &Arc<Entry>, outcome: &mut SweepOutcome) {
        let record = entry.record();
        let differs = record.generation_synced < record.generation_known
            || record.content_hash != record.upstream_content_hash;
        // What failed is woken when everything was compared.
        if differs && record.held.is_none() && record.failed_count == 0 && !self.queue.is_busy(entry) {
            outcome.differing += 1;
            self.queue.request(entry, PendingChanges::Snapshot);
        }
    }

    async fn remove_deselected(
        &self,
        deselected: &[Arc<Entry>],
        outcome: &mut SweepOutcome,
    ) -> Result<(), SweepFailure> {
        for entry in deselected {
            // So that a project which is selected again at this moment is not lost half-way.
            let _changing = self.selection.hold().await;
            if !self.selection.current().covers(&entry.record().project_id) {
                self.inventory.stop_mirroring(entry, TrashReason::NotSelected).await?;
                outcome.removed += 1;
            }
        }
        Ok(())
    }

    async fn remove_unlisted(
        &self,
        unlisted: &[Arc<Entry>],
        secret: &Secret,
        outcome: &mut SweepOutcome,
    ) -> Result<(), SweepFailure> {
        self.missed.are_only(unlisted);
        for entry in unlisted {
            let asked = Instant::now();
            match self.client.repository(&entry.external_id, secret).await? {
                Some(repository) if self.selection.current().covers(&repository.project.id) => {
                    self.compare(&repository, asked, outcome).await?;
                }
                // It has moved to a project that is not mirrored, unless it is another one.
                Some(repository) => {
                    if self.inventory.is_meant(entry, repository.identity()).await? {
                        self.inventory.stop_mirroring(entry, TrashReason::NotSelected).await?;
                        outcome.removed += 1;
                    }
                }
                // Where nothing is here, nothing can be lost: its creation came to nothing, perhaps.
                None if self.mass_removal == MassRemoval::Allowed
                    || entry.record().content_hash.is_none() =>
                {
                    self.inventory.stop_mirroring(entry, TrashReason::NotListed).await?;
                    outcome.removed += 1;
                }
                // An upstream announces what it deletes.
                None if entry.record().held.is_some() || self.missed.is_lost(entry.local_id) => {
                    self.inventory.hold(entry, HeldReason::Missing).await?;
                }
                None => {
                    let record = entry.record();
                    tracing::debug!(
                        repository.project = record.project_key,
                        repository.slug = record.slug,
                        "the upstream does not know a repository, and is asked for it once more"
                    );
                }
            }
        }
        Ok(())
    }

    /// Moves what no record tells of into the trash, unless it is much.
    async fn discard_unrecorded(
        &self,
        present: usize,
        outcome: &mut SweepOutcome,
    ) -> Result<(), SweepFailure> {
        let unrecorded = self.inventory.unrecorded().await?;
        let surplus = unrecorded.len();
        let is_large = judge_removal(surplus, present + surplus) == RemovalDecision::HoldBack;
        if is_large && self.mass_removal == MassRemoval::NeedsConfirmation {
            outcome.held_back = surplus;
            tracing::error!(
                unrecorded = surplus,
                mirrored = present,
                "no record tells of many repositories on disk; they are kept until an administrator confirms"
            );
            self.progress.unrecorded_held_back(unrecorded);
            return Ok(());
        }
        self.progress.unrecorded_held_back(Vec::new());
        Ok(self.inventory.discard_unrecorded(&unrecorded).await?)
    }
}
