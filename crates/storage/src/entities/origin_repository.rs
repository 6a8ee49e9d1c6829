//! Repositories of a Git server that is not ours.

use sea_orm::entity::prelude::*;

use crate::ids::OriginRepositoryId;
use crate::records::OriginRepository;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "origin_repository")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: OriginRepositoryId,
    pub path: String,
    pub object_format: String,
    pub created_at: i64,
    pub last_used_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for OriginRepository {
    fn from(row: Model) -> Self {
        let Model { id, path, object_format, created_at, last_used_at } = row;
        Self { id, path, object_format, created_at, last_used_at }
    }
}
