//! What a mirror remembers of the readers of a Git server that is not ours: the list that each was shown last, and whom that
//! server has refused.
//!
//! A reader is known by one hash of where they read and of their credentials, so that one who comes by another spelling of
//! a path is one more reader of the same repository. From what was kept before, that hash cannot be made; it held for as long as
//! that server may be away, and is not taken over.

use async_trait::async_trait;
use sea_orm_migration::schema::{big_integer, integer, string, string_null};
use sea_orm_migration::sea_query::{Index, Table};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

use super::{belongs_to, lookup};

pub(super) struct OriginLists;

impl MigrationName for OriginLists {
    fn name(&self) -> &str {
        "mirror_0006_origin_lists"
    }
}

#[async_trait]
impl MigrationTrait for OriginLists {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("origin_reader").to_owned()).await?;
        let tables = [
            Table::create()
                .table("origin_reader")
                .col(string("reader"))
                .col(integer("repository_id"))
                .col(string("content_hash"))
                .col(string_null("listing"))
                .col(big_integer("granted_at"))
                .primary_key(Index::create().col("reader"))
                .foreign_key(&mut belongs_to("origin_reader", "repository_id", "origin_repository"))
                .to_owned(),
            Table::create()
                .table("origin_refusal")
                .col(string("reader"))
                .col(big_integer("refused_at"))
                .primary_key(Index::create().col("reader"))
                .to_owned(),
        ];
        for table in tables {
            manager.create_table(table).await?;
        }
        manager.create_index(lookup("origin_reader", &["repository_id"])).await?;
        manager.create_index(lookup("origin_reader", &["granted_at"])).await?;
        manager.create_index(lookup("origin_refusal", &["refused_at"])).await
    }

    // Without it, SQLite would keep half of the tables when the process is killed here.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
