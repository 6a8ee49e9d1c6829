//! Mirrored repositories.

use sea_orm::entity::prelude::*;

use crate::ids::{Generation, LocalRepositoryId, UpstreamServerId};
use crate::records::{HeldReason, MirroredRepository, MirroredStatus};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mirrored_repository")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub local_id: LocalRepositoryId,
    pub upstream_server_id: UpstreamServerId,
    pub external_id: String,
    pub project_id: String,
    pub project_key: String,
    pub project_name: String,
    pub project_public: bool,
    pub slug: String,
    pub name: String,
    pub public: bool,
    pub default_branch: Option<String>,
    pub metadata_hash: String,
    pub content_hash: Option<String>,
    pub upstream_content_hash: Option<String>,
    pub generation_synced: Generation,
    pub generation_known: Generation,
    pub status: MirroredStatus,
    pub initial_sync_at: Option<i64>,
    pub last_sync_at: Option<i64>,
    pub behind_since: Option<i64>,
    pub failed_count: i32,
    pub last_error: Option<String>,
    pub next_attempt_at: Option<i64>,
    pub removed_at: Option<i64>,
    pub identity: Option<String>,
    pub held: Option<HeldReason>,
    pub held_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::upstream_server::Entity",
        from = "Column::UpstreamServerId",
        to = "super::upstream_server::Column::Id"
    )]
    Upstream,
}

impl Related<super::upstream_server::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Upstream.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for MirroredRepository {
    fn from(row: Model) -> Self {
        Self {
            local_id: row.local_id,
            upstream_server_id: row.upstream_server_id,
            external_id: row.external_id,
            project_id: row.project_id,
            project_key: row.project_key,
            project_name: row.project_name,
            project_public: row.project_public,
            slug: row.slug,
            name: row.name,
            public: row.public,
            default_branch: row.default_branch,
            metadata_hash: row.metadata_hash,
            content_hash: row.content_hash,
            upstream_content_hash: row.upstream_content_hash,
            generation_synced: row.generation_synced,
            generation_known: row.generation_known,
            status: row.status,
            initial_sync_at: row.initial_sync_at,
            last_sync_at: row.last_sync_at,
            behind_since: row.behind_since,
            failed_count: row.failed_count,
            last_error: row.last_error,
            next_attempt_at: row.next_attempt_at,
            removed_at: row.removed_at,
            identity: row.identity,
            held: row.held,
            held_at: row.held_at,
        }
    }
}
