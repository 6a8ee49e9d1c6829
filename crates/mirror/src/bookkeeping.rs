//! Every change of what is known about a held repository: to the database first, then to the picture in
//! memory. Nothing else writes either of them.

use std::sync::Arc;

use heliostat_git::ContentHash;
use heliostat_storage::{
    Generation, MirroredRepository, MirroredStatus, RepositoryMetadata, StoreError, SyncedRepository,
};

use crate::holdings::Holding;
use crate::mirror::Mirror;
use crate::pending_changes::PendingChanges;
use crate::upstream_repository::{UpstreamProject, UpstreamRepository};

impl Mirror {
    /// Begins to hold a repository and queues its first synchronisation.
    pub(crate) async fn adopt(&self, repository: &UpstreamRepository) -> Result<Arc<Holding>, StoreError> {
        let _adopting = self.adopting.lock().await;
        if let Some(holding) = self.holdings.find(&repository.external_id) {
            return Ok(holding);
        }
        let metadata = self.metadata_of(repository);
        let record = self.store.upsert_repository(metadata).await?;
        let holding = self.holdings.enter(record);
        self.note_known(&holding, repository).await?;
        self.request_sync(&holding, PendingChanges::Snapshot);
        Ok(holding)
    }

    /// Takes over name, place, visibility and default branch, if they differ.
    pub(crate) async fn describe(
        &self,
        holding: &Arc<Holding>,
        repository: &UpstreamRepository,
    ) -> Result<(), StoreError> {
        let mut metadata = self.metadata_of(repository);
        let before = holding.record();
        if metadata.default_branch.is_none() {
            metadata.default_branch.clone_from(&before.default_branch);
        }
        self.write_metadata(holding, metadata).await
    }

    /// Takes over the name, key and visibility of the project.
    pub(crate) async fn describe_project(
        &self,
        holding: &Arc<Holding>,
        project: &UpstreamProject,
    ) -> Result<(), StoreError> {
        let record = holding.record();
        let metadata = RepositoryMetadata {
            project_key: project.key.clone(),
            project_name: project.name.clone(),
            project_public: project.public,
            ..metadata_in(&record)
        };
        self.write_metadata(holding, metadata).await
    }

    async fn write_metadata(
        &self,
        holding: &Arc<Holding>,
        metadata: RepositoryMetadata,
    ) -> Result<(), StoreError> {
        let _writing = holding.writing.lock().await;
        let before = holding.record();
        if before.removed_at.is_some() || metadata_in(&before) == metadata {
            return Ok(());
        }
        let after = self.store.upsert_repository(metadata).await?;
        let head_differs = after.default_branch != before.default_branch;
        holding.show(after);
        self.holdings.moved(holding, &before);
        if head_differs {
            self.request_sync(holding, PendingChanges::Nothing);
        }
        Ok(())
    }

    /// Takes in which generation and which refs the upstream has. Older news than what is known is ignored.
    pub(crate) async fn note_known(
        &self,
        holding: &Holding,
        repository: &UpstreamRepository,
    ) -> Result<(), StoreError> {
        let Some(hash) = &repository.content_hash else {
            return Ok(());
        };
        let _writing = holding.writing.lock().await;
        let before = holding.record();
        let generation = repository.generation.unwrap_or(before.generation_known);
        if before.removed_at.is_some() || generation < before.generation_known {
            return Ok(());
        }
        holding.hear(generation, hash.clone());
        let is_known = generation == before.generation_known
            && before.upstream_content_hash.as_deref() == Some(hash.as_str());
        if is_known {
            return Ok(());
        }
        let now_ms = self.options.clock.now_ms();
        let (upstream_id, external_id) = (&self.upstream_id, &holding.external_id);
        let after =
            self.store.mark_known(upstream_id, external_id, generation, hash.as_str(), now_ms).await?;
        holding.show(
            after.ok_or_else(|| StoreError::NotFound { what: "repository", value: external_id.clone() })?,
        );
        Ok(())
    }

    /// Takes in what the upstream answered to a question that was asked when `known` was known. An older
    /// generation can only mean that the upstream has lost its newer past, to a restored backup for instance.
    pub(crate) async fn note_answer(
        &self,
        holding: &Arc<Holding>,
        repository: &UpstreamRepository,
        known: Generation,
    ) -> Result<(), StoreError> {
        let (Some(generation), Some(hash)) = (repository.generation, &repository.content_hash) else {
            return self.note_known(holding, repository).await;
        };
        if generation >= known {
            return self.note_known(holding, repository).await;
        }
        let _writing = holding.writing.lock().await;
        let now_ms = self.options.clock.now_ms();
        let local_id = holding.local_id;
        if self.store.reset_known(local_id, known, generation, hash.as_str(), now_ms).await?
            && let Some(after) = self.store.find_repository(local_id).await?
        {
            tracing::warn!(
                repository.project = after.project_key,
                repository.slug = after.slug,
                generation.known = known.0,
                generation.upstream = generation.0,
                "the upstream has fallen back to an older generation, and this mirror follows"
            );
            holding.forget_heard();
            holding.hear(generation, hash.clone());
            holding.show(after);
            self.request_sync(holding, PendingChanges::Snapshot);
        }
        Ok(())
    }

    /// Takes in that nothing of the repository is here any more, so that it is fetched from scratch.
    pub(crate) async fn note_lost(&self, holding: &Holding) -> Result<(), StoreError> {
        self.write(holding, async || self.store.forget_synced(holding.local_id).await).await
    }

    /// Takes in that the repository has the upstream's refs of this generation.
    pub(crate) async fn note_synced(
        &self,
        holding: &Holding,
        generation: Generation,
        content_hash: &ContentHash,
        started_at: i64,
    ) -> Result<(), StoreError> {
        let synced = SyncedRepository {
            local_id: holding.local_id,
            generation,
            content_hash: content_hash.to_string(),
            started_at,
            finished_at: self.options.clock.now_ms(),
        };
        self.write(holding, async || self.store.record_synced(synced).await).await
    }

    /// Takes in that a synchronisation failed and when it will be tried again.
    pub(crate) async fn note_failed(
        &self,
        holding: &Holding,
        error: &str,
        next_attempt_at: i64,
    ) -> Result<(), StoreError> {
        self.write(holding, async || self.store.record_failed(holding.local_id, error, next_attempt_at).await)
            .await
    }

    /// Takes in that the repository is no longer served. Nothing is written about it after that.
    pub(crate) async fn note_removed(&self, holding: &Holding) -> Result<(), StoreError> {
        let now_ms = self.options.clock.now_ms();
        let mut after = (*holding.record()).clone();
        (after.removed_at, after.status) = (Some(now_ms), MirroredStatus::NotMirrored);
        self.write(holding, async || self.store.mark_removed(holding.local_id, now_ms).await.map(|()| after))
            .await
    }

    async fn write(
        &self,
        holding: &Holding,
        change: impl AsyncFnOnce() -> Result<MirroredRepository, StoreError>,
    ) -> Result<(), StoreError> {
        let _writing = holding.writing.lock().await;
        if holding.record().removed_at.is_some() {
            return Ok(());
        }
        holding.show(change().await?);
        Ok(())
    }

    fn metadata_of(&self, repository: &UpstreamRepository) -> RepositoryMetadata {
        RepositoryMetadata {
            upstream_server_id: self.upstream_id.clone(),
            external_id: repository.external_id.clone(),
            project_id: repository.project.id.clone(),
            project_key: repository.project.key.clone(),
            project_name: repository.project.name.clone(),
            project_public: repository.project.public,
            slug: repository.slug.clone(),
            name: repository.name.clone(),
            public: repository.public,
            default_branch: repository.default_branch.as_ref().map(ToString::to_string),
            metadata_hash: repository.metadata_hash.clone().unwrap_or_default(),
        }
    }
}

fn metadata_in(record: &MirroredRepository) -> RepositoryMetadata {
    RepositoryMetadata {
        upstream_server_id: record.upstream_server_id.clone(),
        external_id: record.external_id.clone(),
        project_id: record.project_id.clone(),
        project_key: record.project_key.clone(),
        project_name: record.project_name.clone(),
        project_public: record.project_public,
        slug: record.slug.clone(),
        name: record.name.clone(),
        public: record.public,
        default_branch: record.default_branch.clone(),
        metadata_hash: record.metadata_hash.clone(),
    }
}
