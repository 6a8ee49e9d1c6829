//! The webhooks that repositories have.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Unchanged, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Set,
};

use super::WebhookStore;
use crate::change_count::Shown;
use crate::entities::{repository, webhook, webhook_delivery};
use crate::error::{StoreError, require_row};
use crate::ids::{RepositoryId, WebhookId};
use crate::records::{Webhook, WebhookSettings};

impl WebhookStore {
    /// Adds a webhook to a repository, unless that has `limit` of them already.
    pub async fn create_webhook(
        &self,
        repository_id: RepositoryId,
        settings: WebhookSettings,
        created_at: i64,
        limit: u64,
    ) -> Result<Webhook, StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        // The lock lets one after the other count.
        let repository =
            repository::Entity::find_by_id(repository_id).lock_exclusive().one(&transaction).await?;
        repository.ok_or_else(|| StoreError::not_found("repository", &repository_id))?;
        let of_repository = webhook::Column::RepositoryId.eq(repository_id);
        let present = webhook::Entity::find().filter(of_repository).count(&transaction).await?;
        if present >= limit {
            return Err(StoreError::LimitReached { what: "webhooks of a repository", limit });
        }
        let row = webhook::ActiveModel {
            repository_id: Set(repository_id),
            created_at: Set(created_at),
            ..row_of(settings, created_at)
        };
        let created = row.insert(&transaction).await?;
        transaction.commit().await?;
        Ok(created.try_into()?)
    }

    /// The webhooks of a repository, the oldest first. There may be so few that they need no pages here.
    pub async fn webhooks_of(&self, repository_id: RepositoryId) -> Result<Vec<Webhook>, StoreError> {
        let rows = webhook::Entity::find()
            .filter(webhook::Column::RepositoryId.eq(repository_id))
            .order_by_asc(webhook::Column::Id)
            .all(self.database.connection())
            .await?;
        Ok(rows.into_iter().map(Webhook::try_from).collect::<Result<_, _>>()?)
    }

    /// One webhook, whatever repository it belongs to.
    pub async fn find_webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        let found = webhook::Entity::find_by_id(id).one(self.database.connection()).await?;
        Ok(found.map(Webhook::try_from).transpose()?)
    }

    /// Replaces what a webhook's owner has chosen. One that is not active has nothing to wait for.
    pub async fn update_webhook(
        &self,
        id: WebhookId,
        settings: WebhookSettings,
        updated_at: i64,
    ) -> Result<Webhook, StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        let row = webhook::ActiveModel { id: Unchanged(id), ..row_of(settings, updated_at) };
        let updated = row.update(&transaction).await;
        let updated = updated.map_err(|error| StoreError::from(error).or_missing_row("webhook", &id))?;
        if !updated.active {
            webhook_delivery::Entity::delete_many()
                .filter(webhook_delivery::Column::WebhookId.eq(id))
                .exec(&transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(updated.try_into()?)
    }

    /// Deletes a webhook with its log and what waits for it.
    pub async fn delete_webhook(&self, id: WebhookId) -> Result<(), StoreError> {
        let deleted = webhook::Entity::delete_by_id(id).exec(self.database.connection()).await?;
        require_row(deleted.rows_affected, "webhook", &id)
    }
}

fn row_of(settings: WebhookSettings, updated_at: i64) -> webhook::ActiveModel {
    webhook::ActiveModel {
        name: Set(settings.name),
        url: Set(settings.url),
        events: Set(serde_json::json!(settings.events).to_string()),
        active: Set(settings.active),
        certificate_required: Set(settings.certificate_required),
        secret: Set(settings.secrets.secret),
        username: Set(settings.secrets.username),
        password: Set(settings.secrets.password),
        updated_at: Set(updated_at),
        ..Default::default()
    }
}
