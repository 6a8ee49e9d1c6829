//! Repositories of the upstream.

use sea_orm::entity::prelude::*;

use crate::ids::{Generation, ProjectId, RepositoryId, RepositoryIdentity};
use crate::records::{PurgeOrders, Repository, RepositoryFormat, RepositoryState};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "repository")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: RepositoryId,
    pub project_id: ProjectId,
    pub slug: String,
    pub name: String,
    pub name_lower: String,
    pub description: Option<String>,
    pub hierarchy_id: String,
    pub identity: RepositoryIdentity,
    pub public: bool,
    pub forkable: bool,
    pub archived: bool,
    pub state: RepositoryState,
    pub default_branch: String,
    pub object_format: RepositoryFormat,
    pub generation: Generation,
    pub content_hash: String,
    pub metadata_hash: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub purge_number: i64,
    pub purge_ordered_at: Option<i64>,
    pub purge_done: i64,
    pub purge_done_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::project::Entity",
        from = "Column::ProjectId",
        to = "super::project::Column::Id"
    )]
    Project,
}

impl Related<super::project::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Project.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The repository as others see it, in its project.
    pub fn in_project(self, project: super::project::Model) -> Repository {
        Repository {
            id: self.id,
            project: project.into(),
            slug: self.slug,
            name: self.name,
            description: self.description,
            hierarchy_id: self.hierarchy_id,
            identity: self.identity,
            public: self.public,
            forkable: self.forkable,
            archived: self.archived,
            state: self.state,
            default_branch: self.default_branch,
            object_format: self.object_format,
            generation: self.generation,
            content_hash: self.content_hash,
            metadata_hash: self.metadata_hash,
            purge: PurgeOrders {
                number: self.purge_number,
                ordered_at: self.purge_ordered_at,
                done: self.purge_done,
                done_at: self.purge_done_at,
            },
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}
