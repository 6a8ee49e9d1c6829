//! What happens when the upstream posts an event.
//!
//! The answer goes out as soon as what the event says is stored; fetching follows in the background. An
//! event that cannot be stored is refused, and the upstream posts it again.

use heliostat_refusal::Refusal;
use heliostat_storage::StoreError;
use serde_json::Value;

use crate::event::UpstreamEvent;
use crate::install::store_refusal;
use crate::mirror::Mirror;
use crate::pending_changes::AnnouncedChange;
use crate::upstream_repository::{UpstreamProject, UpstreamRepository};

impl Mirror {
    /// Takes an event. The caller has made sure that the upstream signed it.
    pub async fn handle_event(&self, upstream_id: &str, body: &Value) -> Result<(), Refusal> {
        self.require_upstream(upstream_id)?;
        let event = UpstreamEvent::read(body).map_err(|error| {
            let message = format!("The event cannot be read: {error}.");
            Refusal::invalid(error.path, message)
        })?;
        let stored = match event {
            UpstreamEvent::RefsChanged { repository, change } => self.refs_changed(&repository, change).await,
            UpstreamEvent::RepositoryDescribed { repository } => self.repository_described(&repository).await,
            UpstreamEvent::RepositoryDeleted { external_id } => self.repository_deleted(&external_id).await,
            UpstreamEvent::ProjectDescribed { project } => self.project_described(&project).await,
            UpstreamEvent::ProjectDeleted { project_id } => {
                // Its repositories announce their own end; the sweep sees to it that none is forgotten.
                tracing::info!(project.id = project_id, "the upstream has deleted a project");
                self.sweep_signal.wake();
                Ok(())
            }
            UpstreamEvent::PermissionsChanged { user } => {
                self.verdicts.revoke(user.as_deref());
                Ok(())
            }
            UpstreamEvent::Other { key } => {
                tracing::debug!(event.key = key, "an event that does not concern a mirror");
                Ok(())
            }
        };
        stored.map_err(store_refusal)
    }

    async fn refs_changed(
        &self,
        repository: &UpstreamRepository,
        change: AnnouncedChange,
    ) -> Result<(), StoreError> {
        let Some(holding) = self.holdings.find(&repository.external_id) else {
            return self.repository_described(repository).await;
        };
        self.note_known(&holding, repository).await?;
        let synced = holding.record().generation_synced;
        let next = holding.slot().announce(change, synced, self.options.clock.now_ms());
        self.queue.follow(next, &holding);
        // After the queue has it: a changed name matters less than the refs.
        self.repository_described(repository).await
    }

    async fn repository_described(&self, repository: &UpstreamRepository) -> Result<(), StoreError> {
        let is_covered = self.selection().covers(&repository.project.id);
        match self.holdings.find(&repository.external_id) {
            None if is_covered => self.adopt(repository).await.map(drop),
            None => Ok(()),
            Some(holding) if is_covered => {
                self.describe(&holding, repository).await?;
                self.note_known(&holding, repository).await
            }
            Some(holding) => {
                // It has moved to a project that is not mirrored. From here on it is not served.
                self.describe(&holding, repository).await?;
                self.sweep_signal.wake();
                Ok(())
            }
        }
    }

    async fn repository_deleted(&self, external_id: &str) -> Result<(), StoreError> {
        match self.holdings.find(external_id) {
            None => Ok(()),
            Some(holding) => self.stop_holding(&holding).await,
        }
    }

    async fn project_described(&self, project: &UpstreamProject) -> Result<(), StoreError> {
        for holding in self.holdings.all() {
            if holding.record().project_id == project.id {
                self.describe_project(&holding, project).await?;
            }
        }
        Ok(())
    }
}
