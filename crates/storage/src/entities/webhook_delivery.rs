//! Events that a webhook has not taken in; `body` is the text to send.

use sea_orm::entity::prelude::*;

use crate::ids::{WebhookDeliveryId, WebhookId};
use crate::records::WebhookDelivery;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: WebhookDeliveryId,
    pub webhook_id: WebhookId,
    pub event_key: String,
    pub request_id: String,
    pub body: String,
    pub created_at: i64,
    pub attempts: i32,
    pub not_before: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for WebhookDelivery {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            webhook_id: row.webhook_id,
            event_key: row.event_key,
            request_id: row.request_id,
            body: row.body,
            created_at: row.created_at,
            attempts: row.attempts,
        }
    }
}
