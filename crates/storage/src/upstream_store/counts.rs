//! What an upstream holds, in numbers, and the names of what operators are shown by name.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::UpstreamStore;
use super::repositories::with_project;
use crate::entities::{project, repository, webhook};
use crate::error::StoreError;
use crate::ids::RepositoryId;
use crate::records::UpstreamHoldings;

impl UpstreamStore {
    /// How many projects, repositories, users and webhooks there are.
    pub async fn holdings(&self) -> Result<UpstreamHoldings, StoreError> {
        let connection = self.database.connection();
        Ok(UpstreamHoldings {
            projects: project::Entity::find().count(connection).await?,
            repositories: repository::Entity::find().count(connection).await?,
            users: self.count_users().await?,
            webhooks: webhook::Entity::find().count(connection).await?,
        })
    }

    /// The project key and the slug of each of these repositories that is there.
    pub async fn repository_paths(
        &self,
        ids: &[RepositoryId],
    ) -> Result<Vec<(RepositoryId, String, String)>, StoreError> {
        let rows = with_project()
            .filter(repository::Column::Id.is_in(ids.iter().copied()))
            .all(self.database.connection())
            .await?;
        let path = |(repository, project): (repository::Model, Option<project::Model>)| {
            Some((repository.id, project?.key, repository.slug))
        };
        Ok(rows.into_iter().filter_map(path).collect())
    }
}
