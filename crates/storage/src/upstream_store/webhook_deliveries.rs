//! Events that wait for their delivery to a webhook, in the order in which they were recorded.

use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set,
};
use uuid::Uuid;

use super::UpstreamStore;
use super::webhook_log::write_to_log;
use crate::entities::{webhook, webhook_delivery};
use crate::error::StoreError;
use crate::ids::{WebhookDeliveryId, WebhookId};
use crate::records::{DeliveryFate, Exchange, NewEvent, Webhook, WebhookDelivery};

/// Writes the events down for each active webhook of their repository that asks for them, as part of the
/// caller's transaction.
pub(super) async fn announce_to_webhooks(
    transaction: &DatabaseTransaction,
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

impl UpstreamStore {
    /// Webhooks whose oldest event is due. A younger event does not make a webhook due, or it would overtake.
    pub async fn webhooks_with_pending(&self, now: i64) -> Result<Vec<WebhookId>, StoreError> {
        Ok(oldest_of_each_webhook()
            .select_only()
            .column(webhook_delivery::Column::WebhookId)
            .filter(webhook_delivery::Column::NotBefore.lte(now))
            .order_by_asc(webhook_delivery::Column::Id)
            .into_tuple()
            .all(self.database.connection())
            .await?)
    }

    /// When the next webhook will be due, in epoch milliseconds; in the past if one is due already.
    pub async fn next_webhook_delivery_at(&self) -> Result<Option<i64>, StoreError> {
        let earliest: Option<i64> = oldest_of_each_webhook()
            .select_only()
            .column(webhook_delivery::Column::NotBefore)
            .order_by_asc(webhook_delivery::Column::NotBefore)
            .limit(1)
            .into_tuple()
            .one(self.database.connection())
            .await?;
        Ok(earliest)
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
        let transaction = self.database.begin_write().await?;
        let webhook = webhook::Entity::find_by_id(delivery.webhook_id).lock(LockType::KeyShare);
        if webhook.one(&transaction).await?.is_none() {
            return Ok(());
        }
        write_to_log(&transaction, delivery.webhook_id, exchange, keep).await?;
        match fate {
            DeliveryFate::Settled => {
                webhook_delivery::Entity::delete_by_id(delivery.id).exec(&transaction).await?;
            }
            DeliveryFate::Repeated { not_before } => {
                webhook_delivery::Entity::update_many()
                    .col_expr(
                        webhook_delivery::Column::Attempts,
                        Expr::col(webhook_delivery::Column::Attempts).add(1),
                    )
                    .col_expr(webhook_delivery::Column::NotBefore, Expr::value(not_before))
                    .filter(webhook_delivery::Column::Id.eq(delivery.id))
                    .exec(&transaction)
                    .await?;
            }
        }
        Ok(transaction.commit().await?)
    }

    /// Drops the oldest events of a webhook for which more than `keep` wait, and returns how many.
    pub async fn trim_webhook_deliveries(&self, id: WebhookId, keep: u64) -> Result<u64, StoreError> {
        let of_webhook = webhook_delivery::Column::WebhookId.eq(id);
        let newest_dropped: Option<WebhookDeliveryId> = webhook_delivery::Entity::find()
            .select_only()
            .column(webhook_delivery::Column::Id)
            .filter(of_webhook.clone())
            .order_by_desc(webhook_delivery::Column::Id)
            .offset(keep)
            .limit(1)
            .into_tuple()
            .one(self.database.connection())
            .await?;
        let Some(newest_dropped) = newest_dropped else {
            return Ok(0);
        };
        let deleted = webhook_delivery::Entity::delete_many()
            .filter(of_webhook)
            .filter(webhook_delivery::Column::Id.lte(newest_dropped))
            .exec(self.database.connection())
            .await?;
        Ok(deleted.rows_affected)
    }
}

fn oldest_of_each_webhook() -> Select<webhook_delivery::Entity> {
    let oldest = Query::select()
        .expr(Expr::col(webhook_delivery::Column::Id).min())
        .from(webhook_delivery::Entity)
        .group_by_col(webhook_delivery::Column::WebhookId)
        .to_owned();
    webhook_delivery::Entity::find().filter(webhook_delivery::Column::Id.in_subquery(oldest))
}
