//! The repositories that follow one of another server, and how that goes.

use async_trait::async_trait;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, string_null, text, text_null};
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

use super::{belongs_to, key_given_elsewhere};

pub(super) struct Followings;

impl MigrationName for Followings {
    fn name(&self) -> &str {
        "upstream_followings"
    }
}

#[async_trait]
impl MigrationTrait for Followings {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("repository_following")
            .col(key_given_elsewhere("repository_id"))
            .col(text("url"))
            .col(integer("interval_seconds"))
            .col(text_null("username"))
            .col(text_null("password"))
            .col(big_integer("created_at"))
            .col(big_integer_null("last_attempt_at"))
            .col(big_integer_null("last_success_at"))
            .col(big_integer_null("last_change_at"))
            .col(integer("failures"))
            .col(string_null("fault"))
            .col(text_null("fault_message"))
            .foreign_key(&mut belongs_to("repository_following", "repository_id", "repository"))
            .to_owned();
        manager.create_table(table).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
