//! Upstreams that the mirror follows.

use sea_orm::entity::prelude::*;

use crate::ids::UpstreamServerId;
use crate::records::{MirroringMode, UpstreamServer, UpstreamState};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "upstream_server")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UpstreamServerId,
    pub base_url: String,
    pub state: UpstreamState,
    pub shared_secret: Option<String>,
    pub client_key: Option<String>,
    pub mode: MirroringMode,
    pub last_error: Option<String>,
    pub created_at: i64,
    pub state_changed_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for UpstreamServer {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            base_url: row.base_url,
            state: row.state,
            shared_secret: row.shared_secret,
            client_key: row.client_key,
            mode: row.mode,
            last_error: row.last_error,
            created_at: row.created_at,
            state_changed_at: row.state_changed_at,
        }
    }
}
