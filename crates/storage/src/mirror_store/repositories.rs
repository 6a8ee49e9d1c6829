//! Mirrored repositories: what they are, and whether they are still wanted.

use std::collections::HashSet;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{NotSet, Unchanged},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
};

use super::MirrorStore;
use super::upstream_servers::lock_upstream;
use crate::entities::mirrored_repository;
use crate::error::{StoreError, require_row};
use crate::ids::{Generation, LocalRepositoryId, UpstreamServerId};
use crate::records::{MirroredRepository, MirroredStatus, NewMirroredRepository, RepositoryMetadata};
use crate::text_search::folded;

impl MirrorStore {
    /// Records what the upstream says about a repository, and returns the record.
    ///
    /// A new repository, and one that was removed and is wanted again, waits for its first
    /// synchronisation.
    pub async fn upsert_repository(
        &self,
        metadata: RepositoryMetadata,
    ) -> Result<MirroredRepository, StoreError> {
        let upstream_server_id = metadata.upstream_server_id.clone();
        let transaction = self.database.begin_write().await?;
        // Two nodes must not both find a repository missing.
        lock_upstream(&transaction, &upstream_server_id).await?;
        let current = of_upstream(Some(&upstream_server_id))
            .filter(mirrored_repository::Column::ExternalId.eq(metadata.external_id.as_str()))
            .lock_exclusive()
            .one(&transaction)
            .await?;

        let mut row = metadata_fields(metadata);
        if current.as_ref().is_none_or(|current| current.removed_at.is_some()) {
            wait_for_first_synchronisation(&mut row);
        }
        let saved = match current {
            Some(current) => {
                row.local_id = Unchanged(current.local_id);
                row.update(&transaction).await?
            }
            None => {
                row.generation_known = Set(Generation::default());
                row.upstream_content_hash = Set(None);
                row.last_sync_at = Set(None);
                row.behind_since = Set(None);
                row.insert(&transaction).await?
            }
        };
        transaction.commit().await?;
        Ok(saved.into())
    }

    /// Records repositories of one upstream that are new here, all at once, and returns the records. Those of which there
    /// is a record already are left out.
    pub async fn insert_repositories(
        &self,
        upstream_server_id: &UpstreamServerId,
        repositories: Vec<NewMirroredRepository>,
        now: i64,
    ) -> Result<Vec<MirroredRepository>, StoreError> {
        let transaction = self.database.begin_write().await?;
        // Two nodes must not both find a repository missing.
        lock_upstream(&transaction, upstream_server_id).await?;
        let external_ids = repositories.iter().map(|new| new.metadata.external_id.as_str());
        let recorded: Vec<String> = of_upstream(Some(upstream_server_id))
            .select_only()
            .column(mirrored_repository::Column::ExternalId)
            .filter(mirrored_repository::Column::ExternalId.is_in(external_ids))
            .into_tuple()
            .all(&transaction)
            .await?;
        let mut recorded: HashSet<String> = recorded.into_iter().collect();
        let mut inserted = Vec::new();
        for NewMirroredRepository { metadata, generation, upstream_content_hash } in repositories {
            if !recorded.insert(metadata.external_id.clone()) {
                continue;
            }
            let mut row = metadata_fields(metadata);
            wait_for_first_synchronisation(&mut row);
            row.generation_known = Set(generation);
            row.upstream_content_hash = Set(Some(upstream_content_hash));
            row.last_sync_at = Set(None);
            row.behind_since = Set((generation > Generation::default()).then_some(now));
            inserted.push(row.insert(&transaction).await?.into());
        }
        transaction.commit().await?;
        Ok(inserted)
    }

    /// The repository with this local id, removed or not.
    pub async fn find_repository(
        &self,
        local_id: LocalRepositoryId,
    ) -> Result<Option<MirroredRepository>, StoreError> {
        let found = mirrored_repository::Entity::find_by_id(local_id).one(self.database.connection()).await?;
        Ok(found.map(MirroredRepository::from))
    }

    /// The repository that an upstream knows by this id, removed or not.
    pub(super) async fn find_repository_by_external_id(
        &self,
        upstream_server_id: &UpstreamServerId,
        external_id: &str,
    ) -> Result<Option<MirroredRepository>, StoreError> {
        let found = of_upstream(Some(upstream_server_id))
            .filter(mirrored_repository::Column::ExternalId.eq(external_id))
            .one(self.database.connection())
            .await?;
        Ok(found.map(MirroredRepository::from))
    }

    /// The repositories that follow a local id, removed ones included, for walking over all of them; an
    /// empty list is the end.
    pub async fn repositories_after(
        &self,
        upstream_server_id: Option<&UpstreamServerId>,
        after: Option<LocalRepositoryId>,
        limit: u64,
    ) -> Result<Vec<MirroredRepository>, StoreError> {
        let mut repositories = of_upstream(upstream_server_id);
        if let Some(after) = after {
            repositories = repositories.filter(mirrored_repository::Column::LocalId.gt(after));
        }
        let rows = repositories
            .order_by_asc(mirrored_repository::Column::LocalId)
            .limit(limit)
            .all(self.database.connection())
            .await?;
        Ok(rows.into_iter().map(MirroredRepository::from).collect())
    }

    /// The local ids of all repositories, removed or not, of all upstreams.
    pub async fn local_ids(&self) -> Result<Vec<LocalRepositoryId>, StoreError> {
        let ids =
            mirrored_repository::Entity::find().select_only().column(mirrored_repository::Column::LocalId);
        Ok(ids.into_tuple().all(self.database.connection()).await?)
    }

    /// Marks a repository as not served any more; its time of removal stays what it was if it had one.
    pub async fn mark_removed(&self, local_id: LocalRepositoryId, removed_at: i64) -> Result<(), StoreError> {
        let marked = mirrored_repository::Entity::update_many()
            .col_expr(mirrored_repository::Column::RemovedAt, Expr::value(removed_at))
            .col_expr(mirrored_repository::Column::Status, Expr::value(MirroredStatus::NotMirrored))
            .filter(mirrored_repository::Column::LocalId.eq(local_id))
            .filter(mirrored_repository::Column::RemovedAt.is_null())
            .exec(self.database.connection())
            .await?;
        if marked.rows_affected == 0 && self.find_repository(local_id).await?.is_none() {
            return Err(StoreError::not_found("repository", &local_id));
        }
        Ok(())
    }

    /// Repositories that were removed, whatever the clock said then.
    pub async fn list_removed(&self, limit: u64) -> Result<Vec<MirroredRepository>, StoreError> {
        let rows = mirrored_repository::Entity::find()
            .filter(mirrored_repository::Column::RemovedAt.is_not_null())
            .order_by_asc(mirrored_repository::Column::LocalId)
            .limit(limit)
            .all(self.database.connection())
            .await?;
        Ok(rows.into_iter().map(MirroredRepository::from).collect())
    }

    /// Deletes the record of a repository that was removed; one that is wanted again is in use.
    pub async fn delete_repository(&self, local_id: LocalRepositoryId) -> Result<(), StoreError> {
        let deleted = mirrored_repository::Entity::delete_many()
            .filter(mirrored_repository::Column::LocalId.eq(local_id))
            .filter(mirrored_repository::Column::RemovedAt.is_not_null())
            .exec(self.database.connection())
            .await?;
        if deleted.rows_affected == 0 && self.find_repository(local_id).await?.is_some() {
            return Err(StoreError::InUse { what: "repository", value: local_id.to_string() });
        }
        require_row(deleted.rows_affected, "repository", &local_id)
    }
}

/// Repositories of one upstream, or all.
pub(super) fn of_upstream(id: Option<&UpstreamServerId>) -> Select<mirrored_repository::Entity> {
    let repositories = mirrored_repository::Entity::find();
    match id {
        Some(id) => repositories.filter(mirrored_repository::Column::UpstreamServerId.eq(id.clone())),
        None => repositories,
    }
}

fn wait_for_first_synchronisation(row: &mut mirrored_repository::ActiveModel) {
    row.removed_at = Set(None);
    row.status = Set(MirroredStatus::Initializing);
    row.generation_synced = Set(Generation::default());
    row.content_hash = Set(None);
    row.initial_sync_at = Set(None);
    row.failed_count = Set(0);
    row.last_error = Set(None);
    row.next_attempt_at = Set(None);
    row.held = Set(None);
    row.held_at = Set(None);
}

fn metadata_fields(metadata: RepositoryMetadata) -> mirrored_repository::ActiveModel {
    mirrored_repository::ActiveModel {
        upstream_server_id: Set(metadata.upstream_server_id),
        external_id: Set(metadata.external_id),
        project_id: Set(metadata.project_id),
        project_key: Set(folded(&metadata.project_key).to_uppercase()),
        project_name: Set(metadata.project_name),
        project_public: Set(metadata.project_public),
        slug: Set(folded(&metadata.slug)),
        name: Set(metadata.name),
        public: Set(metadata.public),
        default_branch: Set(metadata.default_branch),
        metadata_hash: Set(metadata.metadata_hash),
        identity: metadata.identity.map_or(NotSet, |identity| Set(Some(identity))),
        ..Default::default()
    }
}
