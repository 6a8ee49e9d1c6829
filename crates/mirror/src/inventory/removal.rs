//! The end of a repository on this mirror: no longer served at once, gone from disk a little later.

use std::sync::Arc;
use std::time::Duration;

use heliostat_storage::{LocalRepositoryId, StoreError};

use super::entry::{Entry, disk_id};
use super::mirrored::Inventory;

/// How long repositories stay on disk after the upstream has removed this mirror: coming back within this
/// time costs no new clones.
const REMOVAL_GRACE: Duration = Duration::from_secs(24 * 3_600);

impl Inventory {
    /// Stops serving a repository and removes it from disk.
    ///
    /// A crash in between is made good at the next start: the row says that the repository was removed.
    pub(crate) async fn stop_mirroring(&self, entry: &Arc<Entry>) -> Result<(), StoreError> {
        let _coming_or_going = self.coming_or_going.lock().await;
        self.note_removed(entry).await?;
        self.index.leave(entry);
        let record = entry.record();
        tracing::info!(
            repository.project = record.project_key,
            repository.slug = record.slug,
            repository.local_id = entry.local_id.0,
            "repository is no longer mirrored"
        );
        self.erase(entry.local_id).await
    }

    /// Removes a repository that is not served any more from disk and database.
    pub(super) async fn erase(&self, local_id: LocalRepositoryId) -> Result<(), StoreError> {
        if let Err(error) = self.repositories.remove(disk_id(local_id)).await {
            // The row stays, so that the next start tries again.
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, repository.local_id = local_id.0, "cannot remove a repository from disk");
            return Ok(());
        }
        self.store.delete_repository(local_id).await
    }

    /// Removes everything once the grace period after the end of the link is over.
    pub(crate) async fn erase_after_grace(&self) -> Result<(), StoreError> {
        let Some(ended_at) = self.link.ended_at().await? else {
            return Ok(());
        };
        let age_ms = self.clock.now_ms() - ended_at;
        if age_ms < REMOVAL_GRACE.as_millis() as i64 || self.link.is_installed() {
            return Ok(());
        }
        for entry in self.index.all() {
            self.stop_mirroring(&entry).await?;
        }
        self.link.forget_end().await
    }
}
