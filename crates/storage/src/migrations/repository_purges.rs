//! The columns that keep orders to remove what no ref leads to, and who has carried them out.

use async_trait::async_trait;
use sea_orm_migration::schema::{big_integer, big_integer_null};
use sea_orm_migration::sea_query::{ColumnDef, Table};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

pub(super) struct RepositoryPurges;

impl MigrationName for RepositoryPurges {
    fn name(&self) -> &str {
        "upstream_repository_purges"
    }
}

#[async_trait]
impl MigrationTrait for RepositoryPurges {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns: [(&str, ColumnDef); 6] = [
            ("repository", big_integer("purge_number").default(0).to_owned()),
            ("repository", big_integer_null("purge_ordered_at")),
            ("repository", big_integer("purge_done").default(0).to_owned()),
            ("repository", big_integer_null("purge_done_at")),
            ("repository_mirror_state", big_integer("purged").default(0).to_owned()),
            ("repository_mirror_state", big_integer_null("purged_at")),
        ];
        // One by one: SQLite adds no two columns at once.
        for (table, mut column) in columns {
            manager.alter_table(Table::alter().table(table).add_column(&mut column).to_owned()).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
