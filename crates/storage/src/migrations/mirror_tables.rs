//! The first tables of a mirror.

use async_trait::async_trait;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, integer, string, string_null, text, text_null,
};
use sea_orm_migration::sea_query::{Index, Table};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

use super::{belongs_to, counted_key, lookup, unique};

pub(super) struct MirrorTables;

impl MigrationName for MirrorTables {
    fn name(&self) -> &str {
        "mirror_0001_tables"
    }
}

#[async_trait]
impl MigrationTrait for MirrorTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables = [
            Table::create()
                .table("mirror_setting")
                .col(string("key").primary_key())
                .col(text("value"))
                .to_owned(),
            Table::create()
                .table("upstream_server")
                .col(string("id").primary_key())
                .col(string("base_url"))
                .col(string("state"))
                .col(string_null("shared_secret"))
                .col(string_null("client_key"))
                .col(string("mode"))
                .col(text_null("last_error"))
                .col(big_integer("created_at"))
                .col(big_integer("state_changed_at"))
                .to_owned(),
            Table::create()
                .table("selected_project")
                .col(string("upstream_server_id"))
                .col(string("project_id"))
                .primary_key(Index::create().col("upstream_server_id").col("project_id"))
                .foreign_key(&mut belongs_to("selected_project", "upstream_server_id", "upstream_server"))
                .to_owned(),
            Table::create()
                .table("mirrored_repository")
                .col(counted_key("local_id"))
                .col(string("upstream_server_id"))
                .col(string("external_id"))
                .col(string("project_id"))
                .col(string("project_key"))
                .col(string("project_name"))
                .col(boolean("project_public"))
                .col(string("slug"))
                .col(string("name"))
                .col(boolean("public"))
                .col(string_null("default_branch"))
                .col(string("metadata_hash"))
                .col(string_null("content_hash"))
                .col(string_null("upstream_content_hash"))
                .col(big_integer("generation_synced"))
                .col(big_integer("generation_known"))
                .col(string("status"))
                .col(big_integer_null("initial_sync_at"))
                .col(big_integer_null("last_sync_at"))
                .col(big_integer_null("behind_since"))
                .col(integer("failed_count"))
                .col(text_null("last_error"))
                .col(big_integer_null("next_attempt_at"))
                .col(big_integer_null("removed_at"))
                .foreign_key(&mut belongs_to("mirrored_repository", "upstream_server_id", "upstream_server"))
                .to_owned(),
        ];
        for table in tables {
            manager.create_table(table).await?;
        }
        let indexes = [
            unique("mirrored_repository", &["upstream_server_id", "external_id"]),
            // Not unique: two upstreams may use the same names, and after a rename the news of it may
            // arrive later than the news of a new repository with the old name.
            lookup("mirrored_repository", &["project_key", "slug"]),
        ];
        for index in indexes {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    // Without it, SQLite would keep half of the tables when the process is killed here.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
