//! Repositories that are neither removed nor overwritten until an administrator says so.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::MirrorStore;
use crate::entities::mirrored_repository::{Column, Entity};
use crate::error::StoreError;
use crate::ids::LocalRepositoryId;
use crate::records::{HeldReason, MirroredRepository};

impl MirrorStore {
    /// Holds a repository; one that is held already is held for the new reason since the same time.
    pub async fn hold(
        &self,
        local_id: LocalRepositoryId,
        reason: HeldReason,
        now: i64,
    ) -> Result<MirroredRepository, StoreError> {
        let since = Expr::col(Column::HeldAt).if_null(now);
        Entity::update_many()
            .col_expr(Column::Held, Expr::value(reason))
            .col_expr(Column::HeldAt, since)
            .filter(Column::LocalId.eq(local_id))
            .exec(self.database.connection())
            .await?;
        self.held_or_not(local_id).await
    }

    /// Holds a repository no longer.
    pub async fn release(&self, local_id: LocalRepositoryId) -> Result<MirroredRepository, StoreError> {
        Entity::update_many()
            .col_expr(Column::Held, Expr::value(None::<String>))
            .col_expr(Column::HeldAt, Expr::value(None::<i64>))
            .filter(Column::LocalId.eq(local_id))
            .exec(self.database.connection())
            .await?;
        self.held_or_not(local_id).await
    }

    async fn held_or_not(&self, local_id: LocalRepositoryId) -> Result<MirroredRepository, StoreError> {
        let found = self.find_repository(local_id).await?;
        found.ok_or_else(|| StoreError::not_found("repository", &local_id))
    }
}
