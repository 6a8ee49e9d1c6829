//! Repositories that follow one of another server.

use sea_orm::entity::prelude::*;

use crate::ids::RepositoryId;
use crate::records::{FollowedSource, Following, FollowingError, FollowingFault};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "repository_following")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub repository_id: RepositoryId,
    pub url: String,
    pub interval_seconds: i32,
    pub username: Option<String>,
    pub password: Option<String>,
    pub created_at: i64,
    pub last_attempt_at: Option<i64>,
    pub last_success_at: Option<i64>,
    pub last_change_at: Option<i64>,
    pub failures: i32,
    pub fault: Option<FollowingFault>,
    pub fault_message: Option<String>,
    pub ssh_key: Option<String>,
    pub known_hosts: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Following {
    fn from(row: Model) -> Self {
        let message = row.fault_message.unwrap_or_default();
        Self {
            repository_id: row.repository_id,
            source: FollowedSource {
                url: row.url,
                interval_seconds: row.interval_seconds,
                username: row.username,
                password: row.password,
                ssh_key: row.ssh_key,
                known_hosts: row.known_hosts,
            },
            created_at: row.created_at,
            last_attempt_at: row.last_attempt_at,
            last_success_at: row.last_success_at,
            last_change_at: row.last_change_at,
            failures: row.failures,
            error: row.fault.map(|fault| FollowingError { fault, message }),
        }
    }
}
