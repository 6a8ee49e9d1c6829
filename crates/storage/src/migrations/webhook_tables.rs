//! Webhooks with what waits for them and their log, and how far each mirror has reported to be.

use async_trait::async_trait;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, integer, integer_null, string, string_null, text, text_null,
};
use sea_orm_migration::sea_query::{ColumnDef, Index, Table, TableCreateStatement};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

use super::{belongs_to, counted_key, lookup};

pub(super) struct WebhookTables;

impl MigrationName for WebhookTables {
    fn name(&self) -> &str {
        "upstream_0002_webhooks"
    }
}

#[async_trait]
impl MigrationTrait for WebhookTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [webhook(), webhook_delivery(), webhook_invocation(), ref_change()] {
            manager.create_table(table).await?;
        }
        let indexes = [
            lookup("webhook", &["repository_id"]),
            lookup("webhook_delivery", &["webhook_id", "id"]),
            lookup("webhook_invocation", &["webhook_id", "id"]),
        ];
        for index in indexes {
            manager.create_index(index).await?;
        }
        let reported = Table::alter()
            .table("repository_mirror_state")
            .add_column(big_integer_null("synced_generation"))
            .to_owned();
        manager.alter_table(reported).await
    }

    // Without it, SQLite would keep half of the tables when the process is killed here.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn webhook() -> TableCreateStatement {
    Table::create()
        .table("webhook")
        .col(counted_key("id"))
        .col(integer("repository_id"))
        .col(string("name"))
        .col(text("url"))
        .col(text("events"))
        .col(boolean("active"))
        .col(boolean("certificate_required"))
        .col(string_null("secret"))
        .col(string_null("username"))
        .col(string_null("password"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .foreign_key(&mut belongs_to("webhook", "repository_id", "repository"))
        .to_owned()
}

fn webhook_delivery() -> TableCreateStatement {
    Table::create()
        .table("webhook_delivery")
        .col(long_counted_key("id"))
        .col(integer("webhook_id"))
        .col(string("event_key"))
        .col(string("request_id"))
        .col(text("body"))
        .col(big_integer("created_at"))
        .col(integer("attempts"))
        .col(big_integer("not_before"))
        .foreign_key(&mut belongs_to("webhook_delivery", "webhook_id", "webhook"))
        .to_owned()
}

fn webhook_invocation() -> TableCreateStatement {
    Table::create()
        .table("webhook_invocation")
        .col(long_counted_key("id"))
        .col(integer("webhook_id"))
        .col(string("event_key"))
        .col(string("request_id"))
        .col(integer("attempt"))
        .col(big_integer("started_at"))
        .col(big_integer("finished_at"))
        .col(text("url"))
        .col(text("request_headers"))
        .col(text("request_body"))
        .col(string("outcome"))
        .col(integer_null("status_code"))
        .col(text("description"))
        .col(text_null("response_headers"))
        .col(text_null("response_body"))
        .foreign_key(&mut belongs_to("webhook_invocation", "webhook_id", "webhook"))
        .to_owned()
}

fn ref_change() -> TableCreateStatement {
    Table::create()
        .table("ref_change")
        .col(integer("repository_id"))
        .col(big_integer("generation"))
        // Absent when it is not known which refs have changed.
        .col(text_null("changes"))
        .primary_key(Index::create().col("repository_id").col("generation"))
        .foreign_key(&mut belongs_to("ref_change", "repository_id", "repository"))
        .to_owned()
}

/// A primary key that is counted up beyond what 32 bits hold.
fn long_counted_key(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().auto_increment().primary_key().to_owned()
}
