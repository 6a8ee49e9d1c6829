//! A transaction that writes. Its commit is carried to its end and counted, whatever becomes of the one who asked for it.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::OwnedMutexGuard;

use crate::change_count::{ChangeCount, Shown};

/// The turn of one that writes, where only one can.
pub(crate) type WriteTurn = OwnedMutexGuard<()>;

/// What is written by it is undone unless it is committed.
pub(crate) struct WriteTransaction {
    transaction: DatabaseTransaction,
    shown: Shown,
    changes: Arc<ChangeCount>,
    /// Given back after the transaction, which stands before it.
    turn: Option<WriteTurn>,
    /// Since when a caller has wanted to write.
    began: Instant,
}

impl WriteTransaction {
    pub(crate) fn new(
        transaction: DatabaseTransaction,
        shown: Shown,
        changes: Arc<ChangeCount>,
        turn: Option<WriteTurn>,
        began: Instant,
    ) -> Self {
        Self { transaction, shown, changes, turn, began }
    }

    /// Makes what was written last. It counts as a change when this returns.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        let Self { transaction, shown, changes, turn, began } = self;
        // In a task of its own: a caller that goes away must not leave a change that was not counted.
        let committing = tokio::spawn(async move {
            let committed = transaction.commit().await;
            drop(turn);
            changes.count(shown);
            match &committed {
                Ok(()) => changes.commits().count_success(began.elapsed()),
                Err(_) => changes.commits().count_failure(began.elapsed()),
            }
            committed
        });
        committing.await.unwrap_or_else(|error| {
            Err(DbErr::Custom(format!("the task that ends a transaction has failed: {error}")))
        })
    }
}

#[async_trait]
impl ConnectionTrait for WriteTransaction {
    fn get_database_backend(&self) -> DbBackend {
        self.transaction.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.transaction.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.transaction.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.transaction.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.transaction.query_all_raw(statement).await
    }
}
