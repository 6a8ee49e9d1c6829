//! The column that says by which hash the objects of a repository are named.
//!
//! Repositories from before are taken for what git makes by default; the upstream corrects that when it looks at them.

use async_trait::async_trait;
use sea_orm_migration::schema::string;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

pub(super) struct ObjectFormat;

impl MigrationName for ObjectFormat {
    fn name(&self) -> &str {
        "upstream_0007_object_format"
    }
}

#[async_trait]
impl MigrationTrait for ObjectFormat {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = string("object_format");
        let add = Table::alter().table("repository").add_column(column.default("sha1")).to_owned();
        manager.alter_table(add).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
