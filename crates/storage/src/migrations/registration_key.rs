//! The columns that keep whose an open request is: the hash of the mirror's key, and the network that it came from.

use async_trait::async_trait;
use sea_orm_migration::schema::string_null;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

pub(super) struct RegistrationKey;

impl MigrationName for RegistrationKey {
    fn name(&self) -> &str {
        "upstream_0006_registration_key"
    }
}

#[async_trait]
impl MigrationTrait for RegistrationKey {
    // No index: open requests are bounded in number, and administrators decide about the others.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["key_hash", "asked_from"] {
            let mut column = string_null(name);
            let add = Table::alter().table("mirroring_request").add_column(&mut column).to_owned();
            manager.alter_table(add).await?;
        }
        Ok(())
    }

    // Without it, SQLite would keep half of the change when the process is killed here.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
