//! What was sent to webhooks and what came back; headers are JSON objects.

use sea_orm::entity::prelude::*;
use serde_json::{Map, Value};

use crate::ids::{InvocationId, WebhookId};
use crate::records::{Exchange, Invocation, InvocationOutcome};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_invocation")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: InvocationId,
    pub webhook_id: WebhookId,
    pub event_key: String,
    pub request_id: String,
    pub attempt: i32,
    pub started_at: i64,
    pub finished_at: i64,
    pub url: String,
    pub request_headers: String,
    pub request_body: String,
    pub outcome: InvocationOutcome,
    pub status_code: Option<i32>,
    pub description: String,
    pub response_headers: Option<String>,
    pub response_body: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Invocation {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.id,
            exchange: Exchange {
                event_key: row.event_key,
                request_id: row.request_id,
                attempt: row.attempt,
                started_at: row.started_at,
                finished_at: row.finished_at,
                url: row.url,
                request_headers: headers(&row.request_headers)?,
                request_body: row.request_body,
                outcome: row.outcome,
                status_code: row.status_code,
                description: row.description,
                response_headers: row.response_headers.as_deref().map(headers).transpose()?,
                response_body: row.response_body,
            },
        })
    }
}

fn headers(text: &str) -> Result<Map<String, Value>, DbErr> {
    serde_json::from_str(text).map_err(|error| DbErr::Json(error.to_string()))
}
