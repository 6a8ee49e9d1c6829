//! What an earlier process has shown and had no time to record.
//!
//! The references on the disk are a state that the upstream had then, and readers may have seen it. Where the upstream is not
//! known to have anything newer, the record has its hash, and the next synchronisation finds it proven and reports it. Where
//! something newer is known, the record has the hash of that: then the proof is what was noted in the repository before the
//! state was shown. So nothing has to be asked of the upstream in either case, which may be away.

use heliostat_git::ContentHash;
use heliostat_storage::{Generation, MirroredRepository, StoreError};

use super::entry::{disk_id, is_available};
use super::mirrored::Inventory;

impl Inventory {
    /// Records what was shown, before anyone asks for it.
    pub(super) async fn take_in_shown_before(&self) -> Result<(), StoreError> {
        for entry in self.index.all() {
            let record = entry.record();
            let Some((generation, content_hash)) = self.shown_before(&record).await else { continue };
            self.note_shown_before(&entry, generation, &content_hash).await?;
            tracing::info!(
                repository.project = record.project_key,
                repository.slug = record.slug,
                generation = generation.0,
                "recorded what was shown and proven when an earlier process ended"
            );
        }
        Ok(())
    }

    /// The state that is shown and not recorded, if that is proven.
    async fn shown_before(&self, record: &MirroredRepository) -> Option<(Generation, ContentHash)> {
        let (recorded, known) = (record.generation_synced, record.generation_known);
        if recorded >= known || record.held.is_some() || !is_available(record) {
            return None;
        }
        let repository = self.repositories.repository(disk_id(record.local_id));
        let proven = repository.proven_state().await.ok().flatten()?;
        let generation = Generation(proven.generation);
        let is_recorded = record.content_hash.as_deref() == Some(proven.content_hash.as_str());
        if is_recorded || generation <= recorded || generation >= known {
            return None;
        }
        // What is wrong with it is found out when it is looked at.
        let refs = repository.refs().await.ok()?;
        let content_hash = refs.content_hash();
        (content_hash.as_str() == proven.content_hash).then(|| (generation, content_hash.clone()))
    }
}
