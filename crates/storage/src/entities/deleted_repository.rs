//! The last repositories that were deleted, with the event that told mirrors of it; `body` is JSON.

use sea_orm::entity::prelude::*;

use crate::ids::RepositoryId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "deleted_repository")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub repository_id: RepositoryId,
    pub event_key: String,
    pub body: String,
    pub deleted_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
