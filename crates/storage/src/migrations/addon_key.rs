//! The column that keeps the key of a mirror's add-on, by which Bitbucket's mirrors name themselves.

use async_trait::async_trait;
use sea_orm_migration::schema::string_null;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

pub(super) struct AddonKey;

impl MigrationName for AddonKey {
    fn name(&self) -> &str {
        "upstream_0005_addon_key"
    }
}

#[async_trait]
impl MigrationTrait for AddonKey {
    // No index: an administrator has accepted each mirror, so they are few.
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = string_null("addon_key");
        manager.alter_table(Table::alter().table("mirror_server").add_column(&mut column).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
