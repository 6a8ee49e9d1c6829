//! Users of the upstream.

use sea_orm::entity::prelude::*;

use crate::ids::UserId;
use crate::records::{User, UserKind};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_account")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: UserId,
    pub name: String,
    pub name_lower: String,
    pub slug: String,
    pub display_name: String,
    pub display_name_lower: String,
    pub email: Option<String>,
    pub password_hash: Option<String>,
    pub active: bool,
    pub kind: UserKind,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for User {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            name: row.name,
            slug: row.slug,
            display_name: row.display_name,
            email: row.email,
            password_hash: row.password_hash,
            active: row.active,
            kind: row.kind,
            created_at: row.created_at,
        }
    }
}
