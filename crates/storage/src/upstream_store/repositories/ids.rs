//! Which ids new repositories get.

use sea_orm::sea_query::{Expr, ExprTrait, Func, Query};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryOrder, QuerySelect};

use super::RepositoryRecords;
use crate::entities::repository;
use crate::error::StoreError;
use crate::ids::RepositoryId;

impl RepositoryRecords {
    /// The ids of all repositories that are recorded.
    pub async fn repository_ids(&self) -> Result<Vec<RepositoryId>, StoreError> {
        let ids = repository::Entity::find().select_only().column(repository::Column::Id);
        Ok(ids.into_tuple().all(self.database.connection()).await?)
    }

    /// The highest of these ids, if there are any. They are counted up, so what is recorded later gets a higher one.
    pub async fn highest_repository_id(&self) -> Result<Option<RepositoryId>, StoreError> {
        let ids = repository::Entity::find().select_only().column(repository::Column::Id);
        let highest = ids.order_by_desc(repository::Column::Id).limit(1);
        Ok(highest.into_tuple().one(self.database.connection()).await?)
    }

    /// From now on, new repositories get ids that are higher than this one. Some id was given before.
    pub async fn skip_repository_ids(&self, highest_taken: RepositoryId) -> Result<(), StoreError> {
        let taken = i64::from(highest_taken.0);
        let connection = self.database.connection();
        match connection.get_database_backend() {
            DbBackend::Postgres => {
                let counter = || Func::cust("pg_get_serial_sequence").arg("repository").arg("id");
                let next = Func::cust("nextval").arg(counter());
                let highest = Func::greatest([Expr::from(next), Expr::value(taken)]);
                let skip = Query::select().expr(Func::cust("setval").arg(counter()).arg(highest)).to_owned();
                connection.query_one(&skip).await?;
            }
            _ => {
                let skip = Query::update()
                    .table("sqlite_sequence")
                    .value("seq", taken)
                    .and_where(Expr::col("name").eq("repository"))
                    .and_where(Expr::col("seq").lt(taken))
                    .to_owned();
                connection.execute(&skip).await?;
            }
        }
        Ok(())
    }
}
