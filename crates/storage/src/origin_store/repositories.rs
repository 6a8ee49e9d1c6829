//! Repositories of a Git server that is not ours: which are here.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue::NotSet, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set,
};

use super::OriginStore;
use crate::entities::origin_repository;
use crate::error::StoreError;
use crate::ids::OriginRepositoryId;
use crate::records::OriginRepository;

impl OriginStore {
    /// All that are here, the one first that was used longest ago.
    pub async fn origin_repositories(&self) -> Result<Vec<OriginRepository>, StoreError> {
        let found = origin_repository::Entity::find()
            .order_by_asc(origin_repository::Column::LastUsedAt)
            .order_by_asc(origin_repository::Column::Id)
            .all(self.database.connection())
            .await?;
        Ok(found.into_iter().map(OriginRepository::from).collect())
    }

    /// The record of the repository at a path, which is made if there is none. One whose objects are named by another hash
    /// is another repository: its record goes, with its readers.
    pub async fn origin_repository_at(
        &self,
        path: &str,
        object_format: &str,
        now: i64,
    ) -> Result<OriginRepository, StoreError> {
        let transaction = self.database.begin_write().await?;
        let found = origin_repository::Entity::find()
            .filter(origin_repository::Column::Path.eq(path))
            .one(&transaction)
            .await?;
        if let Some(found) = found {
            if found.object_format == object_format {
                return Ok(found.into());
            }
            origin_repository::Entity::delete_by_id(found.id).exec(&transaction).await?;
        }
        let row = origin_repository::ActiveModel {
            id: NotSet,
            path: Set(path.to_owned()),
            object_format: Set(object_format.to_owned()),
            created_at: Set(now),
            last_used_at: Set(now),
        };
        let inserted = row.insert(&transaction).await?;
        transaction.commit().await?;
        Ok(inserted.into())
    }

    /// Forgets a repository and its readers; that there is none is no error.
    pub async fn delete_origin_repository(&self, id: OriginRepositoryId) -> Result<(), StoreError> {
        origin_repository::Entity::delete_by_id(id).exec(self.database.connection()).await?;
        Ok(())
    }

    /// Records when repositories were used last.
    pub async fn note_use_of_origin_repositories(
        &self,
        used: &[(OriginRepositoryId, i64)],
    ) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        let transaction = self.database.begin_write().await?;
        for (id, last_used_at) in used {
            origin_repository::Entity::update_many()
                .col_expr(origin_repository::Column::LastUsedAt, Expr::value(*last_used_at))
                .filter(origin_repository::Column::Id.eq(*id))
                .exec(&transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
