//! Requests of mirrors, one for each mirror.

use sea_orm::entity::prelude::*;

use crate::ids::{MirrorServerId, RequestId};
use crate::records::{MirrorType, MirroringRequest, RequestState};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "mirroring_request")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: RequestId,
    pub mirror_id: MirrorServerId,
    pub name: String,
    pub name_lower: String,
    pub base_url: String,
    pub descriptor_uri: String,
    pub mirror_type: MirrorType,
    pub product_type: Option<String>,
    pub product_version: String,
    pub state: RequestState,
    pub created_at: i64,
    pub updated_at: i64,
    pub key_hash: Option<String>,
    pub asked_from: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for MirroringRequest {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            mirror_id: row.mirror_id,
            name: row.name,
            base_url: row.base_url,
            descriptor_uri: row.descriptor_uri,
            mirror_type: row.mirror_type,
            product_type: row.product_type,
            product_version: row.product_version,
            state: row.state,
            created_at: row.created_at,
            updated_at: row.updated_at,
            key_hash: row.key_hash,
        }
    }
}
