//! Webhooks of repositories; `events` is a JSON list of event keys.

use sea_orm::entity::prelude::*;

use crate::ids::{RepositoryId, WebhookId};
use crate::records::{Webhook, WebhookSecrets, WebhookSettings};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: WebhookId,
    pub repository_id: RepositoryId,
    pub name: String,
    pub url: String,
    pub events: String,
    pub active: bool,
    pub certificate_required: bool,
    pub secret: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Webhook {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        Ok(Self {
            id: row.id,
            repository_id: row.repository_id,
            settings: WebhookSettings {
                name: row.name,
                url: row.url,
                events: serde_json::from_str(&row.events).map_err(|error| DbErr::Json(error.to_string()))?,
                active: row.active,
                certificate_required: row.certificate_required,
                secrets: WebhookSecrets {
                    secret: row.secret,
                    username: row.username,
                    password: row.password,
                },
            },
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
