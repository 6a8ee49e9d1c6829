//! The end of a repository on this mirror: no longer served at once, gone from disk a little later.

use std::sync::Arc;
use std::time::Duration;

use heliostat_storage::StoreError;

use crate::holdings::Holding;
use crate::install::REMOVED_AT_SETTING;
use crate::mirror::Mirror;

/// How long repositories stay on disk after the upstream has removed this mirror: coming back within this
/// time costs no new clones.
pub const REMOVAL_GRACE: Duration = Duration::from_secs(24 * 3_600);

impl Mirror {
    /// Stops serving a repository and removes it from disk.
    ///
    /// A crash in between is made good at the next start: the row says that the repository was removed.
    pub(crate) async fn stop_holding(&self, holding: &Arc<Holding>) -> Result<(), StoreError> {
        let _adopting = self.adopting.lock().await;
        self.note_removed(holding).await?;
        self.holdings.leave(holding);
        let record = holding.record();
        tracing::info!(
            repository.project = record.project_key,
            repository.slug = record.slug,
            repository.local_id = holding.local_id.0,
            "repository is no longer mirrored"
        );
        self.erase(holding.local_id.0).await
    }

    /// Removes a repository that is not served any more from disk and database.
    pub(crate) async fn erase(&self, local_id: i32) -> Result<(), StoreError> {
        let disk_id = u64::try_from(local_id).expect("the database counts ids up from one");
        if let Err(error) = self.repositories.remove(disk_id).await {
            // The row stays, so that the next start tries again.
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, repository.local_id = local_id, "cannot remove a repository from disk");
            return Ok(());
        }
        self.store.delete_repository(heliostat_storage::LocalRepositoryId(local_id)).await
    }

    /// Removes everything once the grace period after the end of the bond is over.
    pub(crate) async fn erase_after_grace(&self) -> Result<(), StoreError> {
        let Some(removed_at) = self.store.get_setting(REMOVED_AT_SETTING).await? else {
            return Ok(());
        };
        let age_ms = self.options.clock.now_ms() - removed_at.parse::<i64>().unwrap_or(0);
        if age_ms < REMOVAL_GRACE.as_millis() as i64 || self.bond.is_installed() {
            return Ok(());
        }
        for holding in self.holdings.all() {
            self.stop_holding(&holding).await?;
        }
        self.store.delete_setting(REMOVED_AT_SETTING).await
    }
}
