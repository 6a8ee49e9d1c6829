//! Readers to whom a Git server that is not ours has shown a repository.

use sea_orm::entity::prelude::*;

use crate::ids::OriginRepositoryId;
use crate::records::OriginReader;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "origin_reader")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub reader: String,
    pub repository_id: OriginRepositoryId,
    pub content_hash: String,
    pub listing: Option<String>,
    pub granted_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for OriginReader {
    fn from(row: Model) -> Self {
        let Model { reader, repository_id, content_hash, listing, granted_at } = row;
        Self { reader, repository_id, content_hash, listing, granted_at }
    }
}
