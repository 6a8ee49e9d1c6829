//! What a followed repository on a server over SSH is read with: a key, and host keys that are believed.

use async_trait::async_trait;
use sea_orm_migration::schema::text_null;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

pub(super) struct FollowingKeys;

impl MigrationName for FollowingKeys {
    fn name(&self) -> &str {
        "upstream_following_keys"
    }
}

#[async_trait]
impl MigrationTrait for FollowingKeys {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for name in ["ssh_key", "known_hosts"] {
            let mut column = text_null(name);
            let add = Table::alter().table("repository_following").add_column(&mut column).to_owned();
            manager.alter_table(add).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
