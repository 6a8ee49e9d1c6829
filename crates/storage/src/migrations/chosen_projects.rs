//! The column that keeps which projects an administrator chose when a mirror was accepted.

use async_trait::async_trait;
use sea_orm_migration::schema::text_null;
use sea_orm_migration::sea_query::Table;
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

pub(super) struct ChosenProjects;

impl MigrationName for ChosenProjects {
    fn name(&self) -> &str {
        "upstream_0004_chosen_projects"
    }
}

#[async_trait]
impl MigrationTrait for ChosenProjects {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = text_null("chosen_projects");
        manager.alter_table(Table::alter().table("mirror_server").add_column(&mut column).to_owned()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
