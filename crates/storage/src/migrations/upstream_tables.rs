//! The first tables of an upstream.

use async_trait::async_trait;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, integer, integer_null, string, string_null, text,
};
use sea_orm_migration::sea_query::{ColumnDef, Index, Table, TableCreateStatement};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

use super::{belongs_to, counted_key, key_given_elsewhere, lookup, refers_to, unique};

pub(super) struct UpstreamTables;

impl MigrationName for UpstreamTables {
    fn name(&self) -> &str {
        "upstream_0001_tables"
    }
}

#[async_trait]
impl MigrationTrait for UpstreamTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in accounts().into_iter().chain(contents()).chain(permissions()).chain(mirrors()) {
            manager.create_table(table).await?;
        }
        let indexes = [
            unique("user_account", &["name_lower"]),
            unique("user_account", &["slug"]),
            unique("access_token", &["token_hash"]),
            lookup("access_token", &["user_id"]),
            unique("project", &["key"]),
            unique("project", &["name_lower"]),
            unique("repository", &["project_id", "slug"]),
            lookup("project_permission", &["user_id"]),
            lookup("repository_permission", &["user_id"]),
            unique("mirroring_request", &["mirror_id"]),
            unique("mirror_server", &["name_lower"]),
            unique("mirror_server", &["base_url"]),
            lookup("outbox_event", &["mirror_id", "id"]),
            lookup("repository_mirror_state", &["mirror_id"]),
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

fn accounts() -> [TableCreateStatement; 2] {
    [
        Table::create()
            .table("user_account")
            .col(counted_key("id"))
            .col(string("name"))
            .col(string("name_lower"))
            .col(string("slug"))
            .col(string("display_name"))
            .col(string("display_name_lower"))
            .col(string_null("email"))
            .col(string_null("password_hash"))
            .col(boolean("active"))
            .col(string("kind"))
            .col(big_integer("created_at"))
            .to_owned(),
        Table::create()
            .table("access_token")
            .col(string("id").primary_key())
            .col(integer("user_id"))
            .col(string("name"))
            .col(string("token_hash"))
            .col(text("permissions"))
            .col(big_integer("created_at"))
            .col(big_integer_null("expires_at"))
            .col(big_integer_null("last_used_at"))
            .foreign_key(&mut belongs_to("access_token", "user_id", "user_account"))
            .to_owned(),
    ]
}

fn contents() -> [TableCreateStatement; 2] {
    [
        Table::create()
            .table("project")
            .col(counted_key("id"))
            .col(string("key"))
            .col(string("name"))
            .col(string("name_lower"))
            .col(string_null("description"))
            .col(boolean("public"))
            .col(string("kind"))
            .to_owned(),
        Table::create()
            .table("repository")
            .col(counted_key("id"))
            .col(integer("project_id"))
            .col(string("slug"))
            .col(string("name"))
            .col(string("name_lower"))
            .col(string_null("description"))
            .col(string("hierarchy_id"))
            .col(boolean("public"))
            .col(boolean("forkable"))
            .col(boolean("archived"))
            .col(string("state"))
            .col(string("default_branch"))
            .col(big_integer("generation"))
            .col(string("content_hash"))
            .col(string("metadata_hash"))
            .col(big_integer("created_at"))
            .col(big_integer("updated_at"))
            .foreign_key(&mut refers_to("repository", "project_id", "project"))
            .to_owned(),
    ]
}

fn permissions() -> [TableCreateStatement; 3] {
    let on = |table: &'static str, column: &'static str, target: &'static str| {
        Table::create()
            .table(table)
            .col(integer(column))
            .col(integer("user_id"))
            .col(string("permission"))
            .primary_key(Index::create().col(column).col("user_id"))
            .foreign_key(&mut belongs_to(table, column, target))
            .foreign_key(&mut belongs_to(table, "user_id", "user_account"))
            .to_owned()
    };
    [
        Table::create()
            .table("global_permission")
            .col(key_given_elsewhere("user_id"))
            .col(string("permission"))
            .foreign_key(&mut belongs_to("global_permission", "user_id", "user_account"))
            .to_owned(),
        on("project_permission", "project_id", "project"),
        on("repository_permission", "repository_id", "repository"),
    ]
}

fn mirrors() -> [TableCreateStatement; 6] {
    [
        Table::create()
            .table("mirroring_request")
            .col(counted_key("id"))
            .col(string("mirror_id"))
            .col(string("name"))
            .col(string("name_lower"))
            .col(string("base_url"))
            .col(string("descriptor_uri"))
            .col(string("mirror_type"))
            .col(string_null("product_type"))
            .col(string("product_version"))
            .col(string("state"))
            .col(big_integer("created_at"))
            .col(big_integer("updated_at"))
            .to_owned(),
        Table::create()
            .table("mirror_server")
            .col(string("id").primary_key())
            .col(string("name"))
            .col(string("name_lower"))
            .col(string("base_url"))
            .col(boolean("enabled"))
            .col(string("mirror_type"))
            .col(string_null("product_type"))
            .col(string("product_version"))
            .col(string("descriptor_uri"))
            .col(string("events_url"))
            .col(string_null("uninstalled_url"))
            .col(string("shared_secret"))
            .col(string("client_key"))
            .col(big_integer_null("last_seen_at"))
            .col(big_integer("created_at"))
            .to_owned(),
        Table::create()
            .table("preferred_mirror")
            .col(key_given_elsewhere("user_id"))
            .col(string("mirror_id"))
            .foreign_key(&mut belongs_to("preferred_mirror", "user_id", "user_account"))
            .foreign_key(&mut belongs_to("preferred_mirror", "mirror_id", "mirror_server"))
            .to_owned(),
        Table::create()
            .table("outbox_event")
            .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
            .col(string("mirror_id"))
            // Not a reference: the event that a repository was deleted outlives the repository.
            .col(integer_null("repository_id"))
            .col(string("event_key"))
            .col(text("body"))
            .col(big_integer("created_at"))
            .col(integer("attempts"))
            .col(big_integer("not_before"))
            .foreign_key(&mut belongs_to("outbox_event", "mirror_id", "mirror_server"))
            .to_owned(),
        Table::create()
            .table("repository_mirror_state")
            .col(integer("repository_id"))
            .col(string("mirror_id"))
            .col(string("last_outcome"))
            .col(integer_null("mirror_repository_id"))
            .col(big_integer("reported_at"))
            .primary_key(Index::create().col("repository_id").col("mirror_id"))
            .foreign_key(&mut belongs_to("repository_mirror_state", "repository_id", "repository"))
            .foreign_key(&mut belongs_to("repository_mirror_state", "mirror_id", "mirror_server"))
            .to_owned(),
        Table::create()
            .table("upstream_setting")
            .col(string("key").primary_key())
            .col(text("value"))
            .to_owned(),
    ]
}
