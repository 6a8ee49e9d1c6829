//! Orders to remove what no ref of a repository leads to.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::UpstreamStore;
use super::outbox::announce;
use crate::entities::{project, repository};
use crate::error::StoreError;
use crate::ids::RepositoryId;
use crate::records::{NewEvent, Repository};

impl UpstreamStore {
    /// Records one more order, and announces it.
    pub async fn order_purge(
        &self,
        id: RepositoryId,
        ordered_at: i64,
        make_events: impl FnOnce(&Repository) -> Vec<NewEvent> + Send,
    ) -> Result<Repository, StoreError> {
        let transaction = self.database.begin_write().await?;
        let missing = || StoreError::not_found("repository", &id);
        let number = Expr::col(repository::Column::PurgeNumber).add(1);
        repository::Entity::update_many()
            .col_expr(repository::Column::PurgeNumber, number)
            .col_expr(repository::Column::PurgeOrderedAt, Expr::value(ordered_at))
            .filter(repository::Column::Id.eq(id))
            .exec(&transaction)
            .await?;
        let row = repository::Entity::find_by_id(id).find_also_related(project::Entity);
        let (row, project) = row.one(&transaction).await?.ok_or_else(missing)?;
        let ordered = row.in_project(project.ok_or_else(missing)?);
        announce(&transaction, make_events(&ordered)).await?;
        transaction.commit().await?;
        Ok(ordered)
    }

    /// Records that this server has carried out an order, unless a newer one is recorded.
    pub async fn record_purge(&self, id: RepositoryId, number: i64, done_at: i64) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        repository::Entity::update_many()
            .col_expr(repository::Column::PurgeDone, Expr::value(number))
            .col_expr(repository::Column::PurgeDoneAt, Expr::value(done_at))
            .filter(repository::Column::Id.eq(id))
            .filter(repository::Column::PurgeDone.lt(number))
            .exec(&transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// The repositories with an order that this server has not carried out.
    pub async fn awaiting_purge(&self) -> Result<Vec<RepositoryId>, StoreError> {
        let awaiting =
            Expr::col(repository::Column::PurgeDone).lt(Expr::col(repository::Column::PurgeNumber));
        let ids = repository::Entity::find().select_only().column(repository::Column::Id).filter(awaiting);
        Ok(ids.into_tuple().all(self.database.connection()).await?)
    }
}
