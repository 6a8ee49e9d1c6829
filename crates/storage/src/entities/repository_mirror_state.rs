//! The last that each mirror has reported of each repository.

use sea_orm::entity::prelude::*;

use crate::ids::{Generation, LocalRepositoryId, MirrorServerId, RepositoryId};
use crate::records::{MirrorOutcome, RepositoryMirrorState};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "repository_mirror_state")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub repository_id: RepositoryId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub mirror_id: MirrorServerId,
    pub last_outcome: MirrorOutcome,
    pub mirror_repository_id: Option<LocalRepositoryId>,
    pub reported_at: i64,
    pub synced_generation: Option<Generation>,
    pub purged: i64,
    pub purged_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for RepositoryMirrorState {
    fn from(row: Model) -> Self {
        Self {
            repository_id: row.repository_id,
            mirror_id: row.mirror_id,
            last_outcome: row.last_outcome,
            mirror_repository_id: row.mirror_repository_id,
            reported_at: row.reported_at,
            synced_generation: row.synced_generation,
            purged: row.purged,
            purged_at: row.purged_at,
        }
    }
}
