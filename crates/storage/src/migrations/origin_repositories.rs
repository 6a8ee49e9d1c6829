//! What a mirror remembers of a Git server that is not ours: which of its repositories are here, and who could read them.

use async_trait::async_trait;
use sea_orm_migration::schema::{big_integer, integer, string, text};
use sea_orm_migration::sea_query::{Index, Table};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

use super::{belongs_to, counted_key, lookup, unique};

pub(super) struct OriginRepositories;

impl MigrationName for OriginRepositories {
    fn name(&self) -> &str {
        "mirror_0005_origin_repositories"
    }
}

#[async_trait]
impl MigrationTrait for OriginRepositories {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            Table::create()
                .table("origin_repository")
                .col(counted_key("id"))
                .col(text("path"))
                .col(string("object_format"))
                .col(big_integer("created_at"))
                .col(big_integer("last_used_at"))
                .to_owned(),
            Table::create()
                .table("origin_reader")
                .col(integer("repository_id"))
                .col(string("fingerprint"))
                .col(string("content_hash"))
                .col(big_integer("granted_at"))
                .primary_key(Index::create().col("repository_id").col("fingerprint"))
                .foreign_key(&mut belongs_to("origin_reader", "repository_id", "origin_repository"))
                .to_owned(),
        ];
        for table in tables {
            manager.create_table(table).await?;
        }
        manager.create_index(unique("origin_repository", &["path"])).await?;
        manager.create_index(lookup("origin_reader", &["granted_at"])).await
    }

    // Without it, SQLite would keep half of the tables when the process is killed here.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
