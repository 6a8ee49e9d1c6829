//! Events that a mirror has not acknowledged; `body` is JSON.

use sea_orm::entity::prelude::*;

use crate::ids::{MirrorServerId, OutboxEventId, RepositoryId};
use crate::records::OutboxEvent;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox_event")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: OutboxEventId,
    pub mirror_id: MirrorServerId,
    pub repository_id: Option<RepositoryId>,
    pub event_key: String,
    pub body: String,
    pub created_at: i64,
    pub attempts: i32,
    pub not_before: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for OutboxEvent {
    type Error = DbErr;

    fn try_from(row: Model) -> Result<Self, DbErr> {
        Ok(Self {
            body: serde_json::from_str(&row.body).map_err(|error| DbErr::Json(error.to_string()))?,
            id: row.id,
            mirror_id: row.mirror_id,
            repository_id: row.repository_id,
            event_key: row.event_key,
            created_at: row.created_at,
            attempts: row.attempts,
        })
    }
}
