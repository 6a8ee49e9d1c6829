//! How far each repository has followed its upstream.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::MirrorStore;
use crate::entities::mirrored_repository::{Column, Entity};
use crate::error::StoreError;
use crate::ids::{Generation, LocalRepositoryId, UpstreamServerId};
use crate::records::{MirroredRepository, MirroredStatus, SyncedRepository};

impl MirrorStore {
    /// Notes that the upstream has told of a generation and the hash of its refs, and returns the record, or
    /// `None` if the repository is not known here.
    ///
    /// News can arrive late and twice: an older generation than the newest known changes nothing.
    pub async fn mark_known(
        &self,
        upstream_server_id: &UpstreamServerId,
        external_id: &str,
        generation: Generation,
        upstream_content_hash: &str,
        now: i64,
    ) -> Result<Option<MirroredRepository>, StoreError> {
        let behind = Column::GenerationSynced.lt(generation);
        let since = Expr::col(Column::BehindSince).if_null(now);
        Entity::update_many()
            .col_expr(Column::GenerationKnown, Expr::value(generation))
            .col_expr(Column::UpstreamContentHash, Expr::value(upstream_content_hash))
            .col_expr(
                Column::BehindSince,
                Expr::case(behind, since).finally(Expr::col(Column::BehindSince)).into(),
            )
            .filter(Column::UpstreamServerId.eq(upstream_server_id.clone()))
            .filter(Column::ExternalId.eq(external_id))
            .filter(Column::GenerationKnown.lte(generation))
            .exec(self.database.connection())
            .await?;
        self.find_repository_by_external_id(upstream_server_id, external_id).await
    }

    /// Replaces the known generation by an older one, for an upstream that was restored from a backup.
    ///
    /// Happens only if the known generation is still the expected one, so that news which arrives in the
    /// meantime is kept; the answer says whether it happened.
    pub async fn reset_known(
        &self,
        local_id: LocalRepositoryId,
        expected_known: Generation,
        generation: Generation,
        upstream_content_hash: &str,
        now: i64,
    ) -> Result<bool, StoreError> {
        // What is here came from a history that the upstream has forgotten, so the repository is behind
        // until it was synchronised again.
        let updated = Entity::update_many()
            .col_expr(Column::GenerationKnown, Expr::value(generation))
            .col_expr(Column::GenerationSynced, Expr::value(Generation::default()))
            .col_expr(Column::UpstreamContentHash, Expr::value(upstream_content_hash))
            .col_expr(Column::BehindSince, Expr::col(Column::BehindSince).if_null(now))
            .filter(Column::LocalId.eq(local_id))
            .filter(Column::GenerationKnown.eq(expected_known))
            .exec(self.database.connection())
            .await?;
        Ok(updated.rows_affected > 0)
    }

    /// Records a synchronisation that has succeeded, and returns the record.
    ///
    /// A repository that was removed in the meantime stays removed.
    pub async fn record_synced(&self, synced: SyncedRepository) -> Result<MirroredRepository, StoreError> {
        let generation = synced.generation;
        let newer_known = Column::GenerationKnown.gt(generation);
        Entity::update_many()
            .col_expr(Column::ContentHash, Expr::value(synced.content_hash))
            .col_expr(Column::GenerationSynced, Expr::value(generation))
            .col_expr(
                Column::GenerationKnown,
                Expr::case(newer_known.clone(), Expr::col(Column::GenerationKnown))
                    .finally(generation)
                    .into(),
            )
            // Whatever is still missing became known after this synchronisation had started.
            .col_expr(
                Column::BehindSince,
                Expr::case(newer_known, synced.started_at).finally(None::<i64>).into(),
            )
            .col_expr(Column::Status, Expr::value(MirroredStatus::Available))
            .col_expr(Column::InitialSyncAt, Expr::col(Column::InitialSyncAt).if_null(synced.finished_at))
            .col_expr(Column::LastSyncAt, Expr::value(synced.finished_at))
            .col_expr(Column::FailedCount, Expr::value(0))
            .col_expr(Column::LastError, Expr::value(None::<String>))
            .col_expr(Column::NextAttemptAt, Expr::value(None::<i64>))
            .filter(Column::LocalId.eq(synced.local_id))
            .filter(Column::RemovedAt.is_null())
            .exec(self.database.connection())
            .await?;
        self.existing_repository(synced.local_id).await
    }

    /// Records that an earlier process has shown a generation and has not recorded it, and returns the record. Nothing was
    /// synchronised now: what has failed before has still failed.
    pub async fn record_shown(
        &self,
        local_id: LocalRepositoryId,
        generation: Generation,
        content_hash: &str,
    ) -> Result<MirroredRepository, StoreError> {
        Entity::update_many()
            .col_expr(Column::ContentHash, Expr::value(content_hash))
            .col_expr(Column::GenerationSynced, Expr::value(generation))
            .filter(Column::LocalId.eq(local_id))
            .filter(Column::RemovedAt.is_null())
            .exec(self.database.connection())
            .await?;
        self.existing_repository(local_id).await
    }

    /// Records a synchronisation that has failed and is not tried again before a time, and returns the
    /// record. What was cloneable before stays so.
    pub async fn record_failed(
        &self,
        local_id: LocalRepositoryId,
        error: &str,
        next_attempt_at: i64,
    ) -> Result<MirroredRepository, StoreError> {
        let never_synced = Column::InitialSyncAt.is_null();
        Entity::update_many()
            .col_expr(Column::FailedCount, Expr::col(Column::FailedCount).add(1))
            .col_expr(Column::LastError, Expr::value(error))
            .col_expr(Column::NextAttemptAt, Expr::value(next_attempt_at))
            .col_expr(
                Column::Status,
                Expr::case(never_synced, MirroredStatus::ErrorInitializing)
                    .finally(MirroredStatus::ErrorAvailable)
                    .into(),
            )
            .filter(Column::LocalId.eq(local_id))
            .filter(Column::RemovedAt.is_null())
            .exec(self.database.connection())
            .await?;
        self.existing_repository(local_id).await
    }

    /// Notes that nothing of a repository is here any more, so that it waits for a first synchronisation
    /// again, and returns the record.
    pub async fn forget_synced(&self, local_id: LocalRepositoryId) -> Result<MirroredRepository, StoreError> {
        Entity::update_many()
            .col_expr(Column::ContentHash, Expr::value(None::<String>))
            .col_expr(Column::GenerationSynced, Expr::value(Generation::default()))
            .col_expr(Column::Status, Expr::value(MirroredStatus::Initializing))
            .col_expr(Column::InitialSyncAt, Expr::value(None::<i64>))
            .filter(Column::LocalId.eq(local_id))
            .filter(Column::RemovedAt.is_null())
            .exec(self.database.connection())
            .await?;
        self.existing_repository(local_id).await
    }

    async fn existing_repository(&self, id: LocalRepositoryId) -> Result<MirroredRepository, StoreError> {
        self.find_repository(id).await?.ok_or_else(|| StoreError::not_found("repository", &id))
    }
}
