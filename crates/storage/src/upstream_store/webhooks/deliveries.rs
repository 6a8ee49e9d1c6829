//! Events that wait for their delivery to a webhook, in the order in which they were recorded.

use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use super::WebhookStore;
use super::log::write_to_log;
use crate::change_count::Shown;
use crate::entities::{webhook, webhook_delivery};
use crate::error::StoreError;
use crate::ids::{WebhookDeliveryId, WebhookId};
use crate::records::{
    DeliveryFate, Exchange, NewEvent, WaitingForWebhooks, WaitingReceiver, Webhook, WebhookDelivery,
};
use crate::upstream_store::delivery_queue::{self, DeliveryQueue};
use crate::write_transaction::WriteTransaction;

/// Writes the events down for each active webhook of their repository that asks for them, as part of the
/// caller's transaction.
pub(crate) async fn announce_to_webhooks(
    transaction: &WriteTransaction,
    events: Vec<NewEvent>,
) -> Result<(), StoreError> {
    for event in events {
        let Some(repository_id) = event.repository_id else { continue };
        // As with mirrors, the lock keeps a webhook from being deleted before this is committed.
        let webhooks = webhook::Entity::find()
            .filter(webhook::Column::RepositoryId.eq(repository_id))
            .filter(webhook::Column::Active.eq(true))
            .order_by_asc(webhook::Column::Id)
            .lock(LockType::KeyShare)
            .all(transaction)
            .await?;
        let webhooks = webhooks.into_iter().map(Webhook::try_from).collect::<Result<Vec<_>, _>>()?;
        let asking = webhooks.iter().filter(|webhook| webhook.settings.events.contains(&event.event_key));
        let body = event.body.to_string();
        let rows: Vec<_> = asking
            .map(|webhook| webhook_delivery::ActiveModel {
                webhook_id: Set(webhook.id),
                event_key: Set(event.event_key.clone()),
                request_id: Set(Uuid::new_v4().to_string()),
                body: Set(body.clone()),
                created_at: Set(event.created_at),
                attempts: Set(0),
                not_before: Set(event.created_at),
                ..Default::default()
            })
            .collect();
        if !rows.is_empty() {
            webhook_delivery::Entity::insert_many(rows).exec_without_returning(transaction).await?;
        }
    }
    Ok(())
}

impl WebhookStore {
    /// What waits for webhooks. Of each webhook only the oldest event was sent before, because the others wait behind it.
    pub async fn count_waiting(&self) -> Result<WaitingForWebhooks, StoreError> {
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

    /// Webhooks for which events wait, the one whose oldest has waited longest first.
    pub async fn webhooks_with_pending(&self) -> Result<Vec<WaitingReceiver<WebhookId>>, StoreError> {
        Ok(delivery_queue::waiting_receivers::<webhook_delivery::Entity>(self.database.connection()).await?)
    }

    /// The oldest event that waits for a webhook, whether it is due or not, with the webhook.
    pub async fn next_for_webhook(
        &self,
        id: WebhookId,
    ) -> Result<Option<(Webhook, WebhookDelivery)>, StoreError> {
        let oldest = webhook_delivery::Entity::find()
            .filter(webhook_delivery::Column::WebhookId.eq(id))
            .order_by_asc(webhook_delivery::Column::Id)
            .one(self.database.connection())
            .await?;
        let Some(oldest) = oldest else { return Ok(None) };
        let webhook = self.find_webhook(id).await?;
        Ok(webhook.map(|webhook| (webhook, oldest.into())))
    }

    /// Writes an attempt into the webhook's log, of which the last `keep` calls stay, together with what becomes
    /// of the delivery. A webhook that is gone by now is no error.
    pub async fn record_attempt(
        &self,
        delivery: &WebhookDelivery,
        exchange: Exchange,
        fate: DeliveryFate,
        keep: u64,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        let webhook = webhook::Entity::find_by_id(delivery.webhook_id).lock(LockType::KeyShare);
        if webhook.one(&transaction).await?.is_none() {
            return Ok(());
        }
        write_to_log(&transaction, delivery.webhook_id, exchange, keep).await?;
        match fate {
            DeliveryFate::Settled => {
                delivery_queue::remove::<webhook_delivery::Entity>(&transaction, &[delivery.id]).await?;
            }
            DeliveryFate::Repeated { not_before } => {
                delivery_queue::postpone::<webhook_delivery::Entity>(
                    &transaction,
                    &[delivery.id],
                    not_before,
                )
                .await?;
            }
        }
        Ok(transaction.commit().await?)
    }

    /// Writes a call into the webhook's log that belongs to no delivery. A webhook that is gone by now is no error.
    pub async fn record_call(
        &self,
        webhook_id: WebhookId,
        exchange: Exchange,
        keep: u64,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        let webhook = webhook::Entity::find_by_id(webhook_id).lock(LockType::KeyShare);
        if webhook.one(&transaction).await?.is_none() {
            return Ok(());
        }
        write_to_log(&transaction, webhook_id, exchange, keep).await?;
        Ok(transaction.commit().await?)
    }

    /// Drops the oldest events of a webhook for which more than `keep` wait, and returns how many.
    pub async fn trim_webhook_deliveries(&self, id: WebhookId, keep: u64) -> Result<u64, StoreError> {
        Ok(delivery_queue::trim::<webhook_delivery::Entity>(self.database.connection(), id, keep).await?)
    }
}

impl DeliveryQueue for webhook_delivery::Entity {
    type Id = WebhookDeliveryId;
    type Receiver = WebhookId;

    const ID: Self::Column = webhook_delivery::Column::Id;
    const RECEIVER: Self::Column = webhook_delivery::Column::WebhookId;
    const ATTEMPTS: Self::Column = webhook_delivery::Column::Attempts;
    const NOT_BEFORE: Self::Column = webhook_delivery::Column::NotBefore;
}
