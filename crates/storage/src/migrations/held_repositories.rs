//! What a mirror needs to recognise an upstream that has lost a part of its past.

use async_trait::async_trait;
use sea_orm_migration::schema::{big_integer_null, string_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

pub(super) struct HeldRepositories;

impl MigrationName for HeldRepositories {
    fn name(&self) -> &str {
        "mirror_0003_held_repositories"
    }
}

#[async_trait]
impl MigrationTrait for HeldRepositories {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One by one: SQLite adds one column at a time.
        for mut column in [string_null("identity"), string_null("held"), big_integer_null("held_at")] {
            let add = Table::alter().table("mirrored_repository").add_column(&mut column).to_owned();
            manager.alter_table(add).await?;
        }
        Ok(())
    }

    // Without it, SQLite would keep half of the columns when the process is killed here.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
