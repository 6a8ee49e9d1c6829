//! Projects that were chosen for mirroring.

use sea_orm::entity::prelude::*;

use crate::ids::UpstreamServerId;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "selected_project")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub upstream_server_id: UpstreamServerId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
