//! Carries out the upstream's orders to remove what no ref leads to.
//!
//! An order comes with every description of a repository, in events and listings, so that none is lost. It is carried
//! out when the refs are those of the generation at which it was given, or later ones: until then they may lead to what
//! has to go. Each report about the repository says which order was carried out last; a first one is sent at once.

use std::sync::Arc;
use std::time::Duration;

use heliostat_git::GitError;
use heliostat_git_serve::{ServedRepositories, purge};
use heliostat_peer::with_causes;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::report_outcome::OutcomeReports;
use crate::inventory::{Entry, Inventory, PurgeOrder, is_available};
use crate::upstream_link::SyncReport;

/// How soon it is tried again when the refs are not there yet, or something has failed.
const RETRY_PAUSE: Duration = Duration::from_secs(2);

/// The reconciler of these orders.
pub(crate) struct Purges {
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) served: ServedRepositories,
    pub(crate) reports: Arc<OutcomeReports>,
}

#[derive(Debug, Error)]
enum PurgeFailure {
    #[error("cannot open the repository")]
    Open(#[from] heliostat_git::OpenError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error("cannot note what was done")]
    Note(#[from] std::io::Error),
}

impl Purges {
    /// Carries out orders as they come; ends with the token.
    pub(crate) async fn run(self, stop: CancellationToken) {
        loop {
            let is_waiting = tokio::select! {
                () = stop.cancelled() => return,
                is_waiting = self.carry_out() => is_waiting,
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.inventory.purge_was_ordered() => {}
                () = tokio::time::sleep(RETRY_PAUSE), if is_waiting => {}
            }
        }
    }

    /// Carries out what can be, and says whether something is left.
    async fn carry_out(&self) -> bool {
        let mut is_waiting = false;
        for entry in self.inventory.mirrored() {
            let Some(order) = entry.purge_order() else { continue };
            let record = entry.record();
            if !is_available(&record) || record.generation_synced < order.generation {
                is_waiting = true;
            } else if let Err(failure) = self.purge(&entry, order).await {
                tracing::warn!(
                    repository.project = record.project_key,
                    repository.slug = record.slug,
                    error = with_causes(&failure),
                    "cannot remove yet what no reference leads to"
                );
                is_waiting = true;
            }
        }
        is_waiting
    }

    async fn purge(&self, entry: &Entry, order: PurgeOrder) -> Result<(), PurgeFailure> {
        // Synchronisations go on beside it; one that puts another copy in its place makes it fail, and it is tried again.
        let served = self.served.open(entry.disk_id()).await?;
        if served.repository.notes().purged().await? < order.number {
            purge(&served).await?;
            served.repository.notes().set_purged(order.number).await?;
        }
        entry.note_purged(order.number);
        let generation = entry.record().generation_synced;
        self.reports.put(entry, SyncReport::Synchronized { generation, sync_type: None });
        Ok(())
    }
}
