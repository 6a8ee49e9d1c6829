//! Orders to remove what no ref of a repository leads to.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::RepositoryRecords;
use super::records::{assemble, with_project};
use crate::entities::repository;
use crate::error::StoreError;
use crate::ids::RepositoryId;
use crate::records::{NewEvent, Repository};
use crate::upstream_store::outbox::announce;

impl RepositoryRecords {
    /// Records one more order, and announces it.
    pub async fn order_purge(
        &self,
        id: RepositoryId,
        ordered_at: i64,
        make_events: impl FnOnce(&Repository) -> Vec<NewEvent> + Send,
    ) -> Result<Repository, StoreError> {
        let transaction = self.database.begin_write().await?;
        let number = Expr::col(repository::Column::PurgeNumber).add(1);
        repository::Entity::update_many()
            .col_expr(repository::Column::PurgeNumber, number)
            .col_expr(repository::Column::PurgeOrderedAt, Expr::value(ordered_at))
            .filter(repository::Column::Id.eq(id))
            .exec(&transaction)
            .await?;
        let found = with_project().filter(repository::Column::Id.eq(id)).one(&transaction).await?;
        let ordered = assemble(found.ok_or_else(|| StoreError::not_found("repository", &id))?)?;
        announce(&transaction, make_events(&ordered)).await?;
        transaction.commit().await?;
        Ok(ordered)
    }

    /// Records that this server has carried out an order, unless a newer one is recorded.
    pub async fn record_purge(&self, id: RepositoryId, number: i64, done_at: i64) -> Result<(), StoreError> {
        repository::Entity::update_many()
            .col_expr(repository::Column::PurgeDone, Expr::value(number))
            .col_expr(repository::Column::PurgeDoneAt, Expr::value(done_at))
            .filter(repository::Column::Id.eq(id))
            .filter(repository::Column::PurgeDone.lt(number))
            .exec(self.database.connection())
            .await?;
        Ok(())
    }

    /// The repositories with an order that this server has not carried out.
    pub async fn awaiting_purge(&self) -> Result<Vec<RepositoryId>, StoreError> {
        let awaiting =
            Expr::col(repository::Column::PurgeDone).lt(Expr::col(repository::Column::PurgeNumber));
        let ids = repository::Entity::find().select_only().column(repository::Column::Id).filter(awaiting);
        Ok(ids.into_tuple().all(self.database.connection()).await?)
    }
}
