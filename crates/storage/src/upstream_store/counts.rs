//! What an upstream holds, in numbers.

use sea_orm::{EntityTrait, PaginatorTrait};

use super::UpstreamStore;
use crate::entities::{project, repository, webhook};
use crate::error::StoreError;
use crate::records::UpstreamHoldings;

impl UpstreamStore {
    /// How many projects, repositories, users and webhooks there are.
    pub async fn holdings(&self) -> Result<UpstreamHoldings, StoreError> {
        let connection = self.database.connection();
        Ok(UpstreamHoldings {
            projects: project::Entity::find().count(connection).await?,
            repositories: repository::Entity::find().count(connection).await?,
            users: self.accounts.count_users().await?,
            webhooks: webhook::Entity::find().count(connection).await?,
        })
    }
}
