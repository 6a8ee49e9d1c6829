//! Repositories that follow one of another server, and how that goes.

use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use super::repositories::with_repositories;
use crate::change_count::Shown;
use crate::database::Database;
use crate::entities::repository_following::{ActiveModel, Column, Entity};
use crate::error::{StoreError, require_row};
use crate::ids::RepositoryId;
use crate::page::{Page, PageRequest};
use crate::records::{FollowedSource, Following, FollowingError, FollowingOutcome, Repository};

/// What repositories follow, and how that goes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FollowingStore {
    pub(super) database: Database,
}

impl FollowingStore {
    /// Lets a repository follow a source from now on. What is known of another source that it followed is forgotten.
    pub async fn follow_source(
        &self,
        repository_id: RepositoryId,
        source: FollowedSource,
        now: i64,
    ) -> Result<Following, StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        let found = Entity::find_by_id(repository_id).lock_exclusive().one(&transaction).await?;
        let before = found.map(Following::from).filter(|before| before.source.url == source.url);
        let following = match before {
            Some(before) => Following { source, ..before },
            None => Following {
                repository_id,
                source,
                created_at: now,
                last_attempt_at: None,
                last_success_at: None,
                last_change_at: None,
                failures: 0,
                error: None,
            },
        };
        Entity::delete_by_id(repository_id).exec(&transaction).await?;
        let written = Entity::insert(row_of(following.clone())).exec_without_returning(&transaction).await;
        written
            .map_err(|error| StoreError::from(error).or_missing_reference("repository", &repository_id))?;
        transaction.commit().await?;
        Ok(following)
    }

    /// What a repository follows, if it follows anything.
    pub async fn following_of(&self, repository_id: RepositoryId) -> Result<Option<Following>, StoreError> {
        let found = Entity::find_by_id(repository_id).one(self.database.connection()).await?;
        Ok(found.map(Following::from))
    }

    /// All repositories that follow something, in the order of their ids.
    pub async fn all_followings(&self) -> Result<Vec<Following>, StoreError> {
        let rows = Entity::find().order_by_asc(Column::RepositoryId).all(self.database.connection()).await?;
        Ok(rows.into_iter().map(Following::from).collect())
    }

    /// A page of the repositories that follow something, in the order of their ids.
    pub async fn list_followings(
        &self,
        page: PageRequest,
    ) -> Result<Page<(Repository, Following)>, StoreError> {
        let rows = Entity::find()
            .order_by_asc(Column::RepositoryId)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        let rows = rows.into_iter().map(|row| (row.repository_id, Following::from(row)));
        Ok(Page::cut(with_repositories(&self.database, rows.collect()).await?, page))
    }

    /// At most so many of the repositories that follow something: those that fail first, and of the others those that were
    /// equal to their source least lately.
    pub async fn followings_furthest_behind(
        &self,
        at_most: u64,
    ) -> Result<Vec<(Repository, Following)>, StoreError> {
        let equal_at = Func::coalesce([Expr::col(Column::LastSuccessAt), Expr::col(Column::CreatedAt)]);
        let rows = Entity::find()
            .order_by_asc(Column::Fault.is_null())
            .order_by_asc(equal_at)
            .order_by_asc(Column::RepositoryId)
            .limit(at_most)
            .all(self.database.connection())
            .await?;
        let rows = rows.into_iter().map(|row| (row.repository_id, Following::from(row)));
        with_repositories(&self.database, rows.collect()).await
    }

    /// Lets a repository follow nothing any more.
    pub async fn stop_following(&self, repository_id: RepositoryId) -> Result<(), StoreError> {
        let deleted = Entity::delete_by_id(repository_id).exec(self.database.connection()).await?;
        require_row(deleted.rows_affected, "following", &repository_id)
    }

    /// Records how an attempt ended that began at this time. One at a source that is not followed any more says nothing.
    pub async fn record_following_attempt(
        &self,
        repository_id: RepositoryId,
        url: &str,
        began_at: i64,
        outcome: &FollowingOutcome,
    ) -> Result<(), StoreError> {
        let update = Entity::update_many().col_expr(Column::LastAttemptAt, Expr::value(began_at));
        let update = match outcome {
            FollowingOutcome::Failed(FollowingError { fault, message }) => update
                .col_expr(Column::Failures, Expr::col(Column::Failures).add(1))
                .col_expr(Column::Fault, Expr::value(*fault))
                .col_expr(Column::FaultMessage, Expr::value(message.as_str())),
            FollowingOutcome::Unchanged | FollowingOutcome::Changed => update
                .col_expr(Column::LastSuccessAt, Expr::value(began_at))
                .col_expr(Column::Failures, Expr::value(0))
                .col_expr(Column::Fault, Expr::value(None::<String>))
                .col_expr(Column::FaultMessage, Expr::value(None::<String>)),
        };
        let update = match outcome {
            FollowingOutcome::Changed => update.col_expr(Column::LastChangeAt, Expr::value(began_at)),
            FollowingOutcome::Unchanged | FollowingOutcome::Failed(_) => update,
        };
        let of_source = Column::RepositoryId.eq(repository_id).and(Column::Url.eq(url));
        update.filter(of_source).exec(self.database.connection()).await?;
        Ok(())
    }
}

fn row_of(following: Following) -> ActiveModel {
    let (fault, fault_message) = following.error.map(|error| (error.fault, error.message)).unzip();
    ActiveModel {
        repository_id: Set(following.repository_id),
        url: Set(following.source.url),
        interval_seconds: Set(following.source.interval_seconds),
        username: Set(following.source.username),
        password: Set(following.source.password),
        created_at: Set(following.created_at),
        last_attempt_at: Set(following.last_attempt_at),
        last_success_at: Set(following.last_success_at),
        last_change_at: Set(following.last_change_at),
        failures: Set(following.failures),
        fault: Set(fault),
        fault_message: Set(fault_message),
        ssh_key: Set(following.source.ssh_key),
        known_hosts: Set(following.source.known_hosts),
    }
}
