//! The table that remembers which repositories were deleted, for mirrors that are accepted later.

use async_trait::async_trait;
use sea_orm_migration::schema::{big_integer, integer, string, text};
use sea_orm_migration::sea_query::{ColumnDef, Table};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

use super::lookup;

pub(super) struct DeletedRepositories;

impl MigrationName for DeletedRepositories {
    fn name(&self) -> &str {
        "upstream_deleted_repositories"
    }
}

#[async_trait]
impl MigrationTrait for DeletedRepositories {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("deleted_repository")
            .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
            // Not a reference: the repository is gone.
            .col(integer("repository_id"))
            .col(string("event_key"))
            .col(text("body"))
            .col(big_integer("deleted_at"))
            .to_owned();
        manager.create_table(table).await?;
        // Old ones go with each deletion.
        manager.create_index(lookup("deleted_repository", &["deleted_at"])).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
