//! What an upstream holds, in numbers, and the names of what operators are shown by name.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::UpstreamStore;
use super::repositories::with_project;
use crate::entities::{project, repository, webhook, webhook_delivery};
use crate::error::StoreError;
use crate::ids::RepositoryId;
use crate::records::{UpstreamHoldings, WaitingForWebhooks};

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

    /// What waits for webhooks. Of each webhook only the oldest event was sent before, because the others wait behind it.
    pub async fn waiting_for_webhooks(&self) -> Result<WaitingForWebhooks, StoreError> {
        let connection = self.database.connection();
        let was_sent = webhook_delivery::Column::Attempts.gt(0);
        let oldest = webhook_delivery::Entity::find()
            .select_only()
            .column(webhook_delivery::Column::CreatedAt)
            .order_by_asc(webhook_delivery::Column::Id)
            .limit(1);
        Ok(WaitingForWebhooks {
            events: webhook_delivery::Entity::find().count(connection).await?,
            failing_webhooks: webhook_delivery::Entity::find().filter(was_sent).count(connection).await?,
            oldest_at: oldest.into_tuple().one(connection).await?,
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
