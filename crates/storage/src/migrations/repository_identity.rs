//! The column that tells a repository from another one that gets its id after a backup was restored.

use async_trait::async_trait;
use sea_orm::ConnectionTrait;
use sea_orm_migration::schema::string;
use sea_orm_migration::sea_query::{Expr, ExprTrait, Query, Table};
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};
use uuid::Uuid;

use super::unique;

pub(super) struct RepositoryIdentity;

impl MigrationName for RepositoryIdentity {
    fn name(&self) -> &str {
        "upstream_0003_repository_identity"
    }
}

#[async_trait]
impl MigrationTrait for RepositoryIdentity {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = string("identity");
        let add = Table::alter().table("repository").add_column(column.default("")).to_owned();
        manager.alter_table(add).await?;
        let connection = manager.get_connection();
        let ids = Query::select().column("id").from("repository").to_owned();
        for row in connection.query_all(&ids).await? {
            let id: i32 = row.try_get("", "id")?;
            let identify = Query::update()
                .table("repository")
                .value("identity", Uuid::new_v4().to_string())
                .and_where(Expr::col("id").eq(id))
                .to_owned();
            connection.execute(&identify).await?;
        }
        manager.create_index(unique("repository", &["identity"])).await
    }

    // Without it, SQLite would keep half of the change when the process is killed here.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
