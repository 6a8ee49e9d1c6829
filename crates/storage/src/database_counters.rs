//! What an operator is told of a database: whether it answers, how large it is, and how writing to it goes.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::database::{Database, with_suffix};
use crate::location::Location;

/// How things are with a database, and what was written to it since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatabaseCounters {
    /// Whether it answers.
    pub answers: bool,
    /// Whether another process works with it as the same server.
    pub is_doubled: bool,
    /// How large an SQLite database is, with its log; a server of its own tells that itself.
    pub size_bytes: Option<u64>,
    /// Transactions that were committed.
    pub commits: u64,
    /// Transactions whose commit failed.
    pub failed_commits: u64,
    /// What both have taken together, from the wish to write until their end.
    pub write_time: Duration,
    /// Statements with values that were carried out, whether or not they write.
    pub statements: u64,
}

/// Counts transactions that write, and all statements.
#[derive(Debug, Default)]
pub(crate) struct CommitCounts {
    committed: AtomicU64,
    failed: AtomicU64,
    time_us: AtomicU64,
    statements: AtomicU64,
}

impl CommitCounts {
    /// A statement was carried out, or failed.
    pub(crate) fn count_statement(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    /// A transaction was committed, and has taken so long.
    pub(crate) fn count_success(&self, time: Duration) {
        self.committed.fetch_add(1, Ordering::Relaxed);
        self.count_time(time);
    }

    /// The commit of a transaction failed after so long.
    pub(crate) fn count_failure(&self, time: Duration) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.count_time(time);
    }

    fn count_time(&self, time: Duration) {
        let time_us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.time_us.fetch_add(time_us, Ordering::Relaxed);
    }
}

impl Database {
    /// How things are. This waits for nothing.
    pub fn counters(&self) -> DatabaseCounters {
        let commits = self.changes().commits();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DatabaseCounters {
            answers: self.absence().is_none(),
            is_doubled: self.double().is_some(),
            size_bytes: match self.location() {
                Location::Sqlite { path } => Some(size_bytes(path)),
                Location::Postgres { .. } => None,
            },
            commits: read(&commits.committed),
            failed_commits: read(&commits.failed),
            write_time: Duration::from_micros(read(&commits.time_us)),
            statements: read(&commits.statements),
        }
    }
}

/// The file and its log, as far as they are there.
fn size_bytes(path: &Path) -> u64 {
    let size_of = |path: &Path| path.metadata().map_or(0, |file| file.len());
    size_of(path) + size_of(&with_suffix(path, "-wal"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
mod tests {
    use sea_orm::ConnectionTrait;

    use crate::database::Role;
    use crate::test_databases::TestDatabase;
    use crate::upstream_store::UpstreamStore;

    #[tokio::test]
    async fn a_transaction_that_writes_is_counted_when_it_is_committed() {
        for test in TestDatabase::each(Role::Upstream).await {
            let before = test.database.counters();
            assert!(before.answers && !before.is_doubled, "{before:?}");
            assert_eq!(before.size_bytes.is_some(), test.url.starts_with("sqlite"));
            assert_ne!(before.size_bytes, Some(0));
            let statement = "INSERT INTO upstream_setting (key, value) VALUES ('name', 'value')";
            drop(test.database.begin_write().await.unwrap());
            let transaction = test.database.begin_write().await.unwrap();
            transaction.execute_unprepared(statement).await.unwrap();
            transaction.commit().await.unwrap();
            let after = test.database.counters();
            assert_eq!((after.commits - before.commits, after.failed_commits), (1, 0));
            assert!(after.write_time > before.write_time);
            test.remove().await;
        }
    }

    #[tokio::test]
    async fn statements_are_counted_alone_and_in_transactions() {
        for test in TestDatabase::each(Role::Upstream).await {
            let store = UpstreamStore::new(test.database.clone());
            let statements = || test.database.counters().statements;
            let before = statements();
            assert_eq!(store.get_setting("name").await.unwrap(), None);
            assert_eq!(statements() - before, 1);
            let before = statements();
            store.set_setting("name", "value").await.unwrap();
            assert!(statements() > before);
            test.remove().await;
        }
    }
}
