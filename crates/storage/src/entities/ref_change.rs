//! Which refs of a repository changed at each of its last generations; `changes` is a JSON list.

use sea_orm::entity::prelude::*;

use crate::ids::{Generation, RepositoryId};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ref_change")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub repository_id: RepositoryId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub generation: Generation,
    pub changes: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
