//! The end of a repository on this mirror: no longer served at once, in the trash for a while.

use std::sync::Arc;
use std::time::Duration;

use heliostat_git::{Origin, TrashReason};
use heliostat_storage::{MirroredRepository, StoreError};

use super::entry::{Entry, disk_id, origin_of};
use super::mirrored::{Inventory, LoadError};

/// How long repositories stay on disk after the upstream has removed this mirror: coming back within this
/// time costs no new clones.
const REMOVAL_GRACE: Duration = Duration::from_secs(24 * 3_600);

/// The most rows of removed repositories that are read at once.
const REMOVED_CHUNK: u64 = 1_000;

impl Inventory {
    /// Stops serving a repository and moves it from its place into the trash.
    ///
    /// A crash in between is made good at the next comparison with the upstream: the row says that the repository was
    /// removed.
    pub(crate) async fn stop_mirroring(
        &self,
        entry: &Arc<Entry>,
        reason: TrashReason,
    ) -> Result<(), StoreError> {
        let _coming_or_going = self.coming_or_going.lock().await;
        if !self.index.has(entry) {
            // Another task has removed it meanwhile.
            return Ok(());
        }
        self.note_removed(entry).await?;
        self.index.leave(entry);
        let record = entry.record();
        tracing::info!(
            repository.project = record.project_key,
            repository.slug = record.slug,
            repository.local_id = entry.local_id.0,
            reason = reason.as_str(),
            "repository is no longer mirrored"
        );
        self.erase(&record, reason).await
    }

    /// Goes on with removals that were interrupted.
    pub(crate) async fn finish_removals(&self) -> Result<(), StoreError> {
        let _coming_or_going = self.coming_or_going.lock().await;
        for record in self.store.list_removed(REMOVED_CHUNK).await? {
            self.erase(&record, TrashReason::NotListed).await?;
        }
        Ok(())
    }

    /// Moves a repository that is not served any more into the trash and forgets its row.
    async fn erase(&self, record: &MirroredRepository, reason: TrashReason) -> Result<(), StoreError> {
        let local_id = record.local_id;
        match self.repositories.trash(disk_id(local_id), reason, origin_of(record)).await {
            Ok(Some(name)) => self.returning.put(name, reason, origin_of(record)),
            Ok(None) => {}
            Err(error) => {
                // The row stays, so that the next comparison tries again.
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    error,
                    repository.local_id = local_id.0,
                    "cannot move a repository into the trash"
                );
                return Ok(());
            }
        }
        self.store.delete_repository(local_id).await
    }

    /// Repositories on disk that no row tells of.
    pub(crate) async fn unrecorded(&self) -> Result<Vec<u64>, LoadError> {
        // The rows are read after the disk: a row is there before its repository.
        let mut unrecorded = self.repositories.list().await.map_err(LoadError::Repositories)?;
        self.leave_unrecorded(&mut unrecorded).await?;
        Ok(unrecorded)
    }

    /// Moves repositories that no row tells of into the trash.
    pub(crate) async fn discard_unrecorded(&self, disk_ids: &[u64]) -> Result<(), StoreError> {
        if disk_ids.is_empty() {
            return Ok(());
        }
        // There may be a record since they were found.
        let mut disk_ids = disk_ids.to_vec();
        self.leave_unrecorded(&mut disk_ids).await?;
        for disk_id in &disk_ids {
            tracing::warn!(repository.local_id = disk_id, "no record tells of this repository");
            let moved = self.repositories.trash(*disk_id, TrashReason::Unrecorded, Origin::default()).await;
            if let Err(error) = moved {
                let error = &error as &dyn std::error::Error;
                tracing::error!(
                    error,
                    repository.local_id = disk_id,
                    "cannot move a repository into the trash"
                );
            }
        }
        Ok(())
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
            self.stop_mirroring(&entry, TrashReason::LinkEnded).await?;
        }
        self.link.forget_end().await
    }
}
