//! Projects of the upstream.

use sea_orm::entity::prelude::*;

use crate::ids::ProjectId;
use crate::records::{Project, ProjectKind};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "project")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: ProjectId,
    pub key: String,
    pub name: String,
    pub name_lower: String,
    pub description: Option<String>,
    pub public: bool,
    pub kind: ProjectKind,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Project {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            key: row.key,
            name: row.name,
            description: row.description,
            public: row.public,
            kind: row.kind,
        }
    }
}
