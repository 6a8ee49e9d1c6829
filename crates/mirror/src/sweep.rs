//! Compares everything that this mirror should hold with what the upstream has, and repairs what differs.
//!
//! The event makes a change arrive fast; the sweep makes it arrive. It takes no input, changes nothing before
//! the whole listing was read and understood, and can be repeated at any time. A repository that is missing
//! from the listing is asked for by its id before it is removed, because a listing that is read page by page
//! can skip one when another is deleted meanwhile.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heliostat_auth::Secret;
use heliostat_peer::BackOff;
use heliostat_peer::CallError;
use heliostat_storage::{MirroringMode, StoreError};
use thiserror::Error;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::deletion_guard::{RemovalVerdict, judge_removal};
use crate::holdings::Holding;
use crate::lifecycle::BondNews;
use crate::mirror::Mirror;
use crate::options::MassRemoval;
use crate::pending_changes::PendingChanges;
use crate::progress::SweepOutcome;
use crate::selection::Selection;
use crate::sync_repository::SyncFailure;
use crate::upstream_client::{is_not_found, refuses_our_secret};
use crate::upstream_repository::UpstreamRepository;

/// How many pages of a listing are read before it is called endless.
const MAX_PAGES: usize = 10_000;

/// How soon a failed sweep is repeated; never later than the next one is due.
const RETRY: BackOff = BackOff::new(Duration::from_secs(2), Duration::from_secs(60));

/// Wakes the sweep before its time.
#[derive(Debug, Default)]
pub(crate) struct SweepSignal {
    notify: Notify,
    removal_confirmed: AtomicBool,
}

impl SweepSignal {
    pub(crate) fn wake(&self) {
        self.notify.notify_one();
    }
}

/// Why a sweep changed nothing.
#[derive(Debug, Error)]
pub(crate) enum SweepFailure {
    #[error(transparent)]
    Upstream(#[from] CallError),
    #[error("the upstream's listing does not end within {MAX_PAGES} pages")]
    Endless,
    #[error("cannot record what was found")]
    Store(#[from] StoreError),
}

impl SweepFailure {
    fn in_full(&self) -> String {
        match self {
            Self::Upstream(error) => error.to_string(),
            other => other.to_string(),
        }
    }
}

impl Mirror {
    /// The reconciler behind everything that this mirror holds; ends with the token.
    pub(crate) async fn keep_swept(self: Arc<Self>, stop: CancellationToken) {
        let mut failures = 0;
        loop {
            let outcome = tokio::select! {
                () = stop.cancelled() => return,
                outcome = self.sweep_if_installed() => outcome,
            };
            let pause = match outcome {
                Ok(()) => {
                    failures = 0;
                    self.options.sweep_interval
                }
                Err(failure) => {
                    failures += 1;
                    self.take_in_failed_sweep(&failure).await;
                    RETRY.after(failures).min(self.options.sweep_interval)
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.sweep_signal.notify.notified() => {}
            }
        }
    }

    /// Compares with the upstream soon, and not only when the interval is over.
    pub fn sweep_now(&self) {
        self.sweep_signal.wake();
    }

    /// Lets the next sweep remove whatever the upstream no longer lists, once.
    pub fn confirm_removal(&self) {
        self.sweep_signal.removal_confirmed.store(true, Ordering::Relaxed);
        self.sweep_signal.wake();
    }

    async fn take_in_failed_sweep(&self, failure: &SweepFailure) {
        let reason = failure.in_full();
        tracing::warn!(error = reason, "the comparison with the upstream failed and changed nothing");
        self.progress.sweep_failed(reason.clone());
        if let SweepFailure::Upstream(error) = failure
            && refuses_our_secret(error)
            && let Err(error) = self.hear(BondNews::SecretRefused, Some(reason)).await
        {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "cannot record the state of the upstream"
            );
        }
    }

    async fn sweep_if_installed(&self) -> Result<(), SweepFailure> {
        let Some(secret) = self.bond.secret_in_force() else {
            self.erase_after_grace().await?;
            return Ok(());
        };
        let skew_ms = self.client.server_time_ms(&secret).await?.saturating_sub(self.options.clock.now_ms());
        self.progress.upstream_answered(skew_ms);
        let outcome = self.sweep(&secret).await?;
        self.progress.sweep_ended(outcome, self.options.clock.now_ms());
        Ok(())
    }

    async fn sweep(&self, secret: &Secret) -> Result<SweepOutcome, SweepFailure> {
        let held = self.holdings.all();
        let selection = self.selection();
        let listed = self.list_upstream(&selection, secret).await?;

        let mut outcome = SweepOutcome { listed: listed.len(), ..SweepOutcome::default() };
        let mut listed_ids = HashSet::with_capacity(listed.len());
        for repository in &listed {
            listed_ids.insert(repository.external_id.as_str());
            self.compare(repository, &mut outcome).await?;
        }
        self.remove_surplus(&held, &listed_ids, secret, &mut outcome).await?;
        Ok(outcome)
    }

    async fn list_upstream(
        &self,
        selection: &Selection,
        secret: &Secret,
    ) -> Result<Vec<UpstreamRepository>, SweepFailure> {
        let mut listed = Vec::new();
        match selection.mode {
            MirroringMode::AllProjects => self.list_pages(None, secret, &mut listed).await?,
            MirroringMode::SelectedProjects => {
                for project_id in &selection.project_ids {
                    match self.list_pages(Some(project_id), secret, &mut listed).await {
                        // A project that is gone has no repositories; each of them is asked for below.
                        Err(SweepFailure::Upstream(error)) if is_not_found(&error) => {}
                        listed => listed?,
                    }
                }
            }
        }
        Ok(listed)
    }

    async fn list_pages(
        &self,
        project_id: Option<&str>,
        secret: &Secret,
        listed: &mut Vec<UpstreamRepository>,
    ) -> Result<(), SweepFailure> {
        let mut start = 0;
        for _ in 0..MAX_PAGES {
            let page = self.client.list_repositories(project_id, start, secret).await?;
            listed.extend(page.repositories);
            self.progress.discovered(listed.len());
            match page.next_start {
                None => return Ok(()),
                Some(next) => start = next,
            }
        }
        Err(SweepFailure::Endless)
    }

    async fn compare(
        &self,
        repository: &UpstreamRepository,
        outcome: &mut SweepOutcome,
    ) -> Result<(), SweepFailure> {
        if !self.selection().covers(&repository.project.id) {
            return Ok(());
        }
        let Some(holding) = self.holdings.find(&repository.external_id) else {
            self.adopt(repository).await?;
            outcome.added += 1;
            return Ok(());
        };
        self.describe(&holding, repository).await?;
        let is_older = repository.generation.is_some_and(|listed| listed < holding.record().generation_known);
        if is_older {
            // An event has overtaken the listing, or the upstream has lost its past. It knows which.
            match self.ask_what_is_there(&holding).await {
                Err(SyncFailure::Upstream(error)) => return Err(error.into()),
                Err(SyncFailure::Store(error)) => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
        } else {
            self.note_known(&holding, repository).await?;
        }
        let record = holding.record();
        let differs = record.generation_synced < record.generation_known
            || record.content_hash != record.upstream_content_hash;
        // What failed has its own time for the next attempt.
        if differs && record.failed_count == 0 && !holding.slot().is_busy() {
            outcome.differing += 1;
            self.request_sync(&holding, PendingChanges::Snapshot);
        }
        Ok(())
    }

    async fn remove_surplus(
        &self,
        held: &[Arc<Holding>],
        listed: &HashSet<&str>,
        secret: &Secret,
        outcome: &mut SweepOutcome,
    ) -> Result<(), SweepFailure> {
        let unlisted = held.iter().filter(|holding| !listed.contains(holding.external_id.as_str()));
        let (unlisted, deselected): (Vec<_>, Vec<_>) =
            unlisted.partition(|holding| self.selection().covers(&holding.record().project_id));
        for holding in deselected {
            // Held, so that a project which is selected again at this moment is not lost half-way.
            let _changing = self.changing_selection.lock().await;
            if !self.selection().covers(&holding.record().project_id) {
                self.stop_holding(holding).await?;
                outcome.removed += 1;
            }
        }
        let is_allowed = self.options.mass_removal == MassRemoval::Allowed
            || self.sweep_signal.removal_confirmed.swap(false, Ordering::Relaxed);
        if !is_allowed && judge_removal(unlisted.len(), held.len()) == RemovalVerdict::HoldBack {
            outcome.held_back = unlisted.len();
            tracing::error!(
                surplus = unlisted.len(),
                held = held.len(),
                "the upstream no longer lists many repositories; they are kept until an administrator confirms"
            );
            return Ok(());
        }
        for holding in unlisted {
            match self.client.repository(&holding.external_id, secret).await? {
                Some(repository) if self.selection().covers(&repository.project.id) => {
                    self.compare(&repository, outcome).await?;
                }
                Some(_) | None => {
                    self.stop_holding(holding).await?;
                    outcome.removed += 1;
                }
            }
        }
        Ok(())
    }
}
