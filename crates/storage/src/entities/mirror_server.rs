//! Mirrors that were accepted.

use sea_orm::entity::prelude::*;

use crate::ids::MirrorServerId;
use crate::records::{MirrorServer, MirrorType};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mirror_server")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MirrorServerId,
    pub name: String,
    pub name_lower: String,
    pub base_url: String,
    pub enabled: bool,
    pub mirror_type: MirrorType,
    pub product_type: Option<String>,
    pub product_version: String,
    pub descriptor_uri: String,
    pub events_url: String,
    pub uninstalled_url: Option<String>,
    pub shared_secret: String,
    pub client_key: String,
    pub last_seen_at: Option<i64>,
    pub created_at: i64,
    /// Ids with commas between them.
    pub chosen_projects: Option<String>,
    pub addon_key: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for MirrorServer {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            base_url: row.base_url,
            enabled: row.enabled,
            mirror_type: row.mirror_type,
            product_type: row.product_type,
            product_version: row.product_version,
            descriptor_uri: row.descriptor_uri,
            events_url: row.events_url,
            uninstalled_url: row.uninstalled_url,
            shared_secret: row.shared_secret,
            client_key: row.client_key,
            last_seen_at: row.last_seen_at,
            created_at: row.created_at,
            chosen_projects: row.chosen_projects.map(|ids| ids.split(',').map(str::to_owned).collect()),
            addon_key: row.addon_key,
        }
    }
}
