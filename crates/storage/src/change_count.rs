//! Whether what was read from the database may have changed since, so that an answer made of it may be given again.
//!
//! An answer is remembered with a moment from before the first look at the database. It is right as long as nothing that it
//! shows was committed after that moment. A commit counts before it is acknowledged, so a client that knows of a change
//! is not given an answer from before it.
//!
//! An SQLite file has one process that writes, which counts its own commits. A PostgreSQL server has others, and says by its
//! snapshot whether any transaction has begun or ended anywhere: that costs a statement, and is right for all who
//! write.

use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::database::Database;
use crate::database_counters::CommitCounts;
use crate::ids::RepositoryId;
use crate::location::Location;

/// Repositories share this many counts; two that share one only forget more often than they must.
const REPOSITORY_COUNTS: usize = 1_024;

/// What a transaction changes, as far as remembered answers show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Something that any of them may show: users, tokens, permissions, projects, repositories.
    Anything,
    /// The references of one repository, with what follows from them.
    ReferencesOf(RepositoryId),
    /// What none of them shows: deliveries, mirrors and webhooks.
    Nothing,
}

/// Counts commits.
#[derive(Debug)]
pub(crate) struct ChangeCount {
    latest: AtomicU64,
    /// The latest change of anything.
    anything: AtomicU64,
    /// The latest change of the references of each group of repositories.
    references: Box<[AtomicU64]>,
    /// All of them, whether or not anything shows them.
    commits: CommitCounts,
}

/// A moment in the life of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The latest change of this process.
    change: u64,
    /// Which transactions there were, at a server that has other clients.
    snapshot: Option<Box<str>>,
}

impl Default for ChangeCount {
    fn default() -> Self {
        let references = (0..REPOSITORY_COUNTS).map(|_| AtomicU64::new(0)).collect();
        let commits = CommitCounts::default();
        Self { latest: AtomicU64::new(0), anything: AtomicU64::new(0), references, commits }
    }
}

impl ChangeCount {
    /// Counts a commit, which has happened.
    pub(crate) fn count(&self, shown: Shown) {
        let latest = match shown {
            Shown::Anything => &self.anything,
            Shown::ReferencesOf(id) => self.references_of(id),
            Shown::Nothing => return,
        };
        let number = self.latest.fetch_add(1, Ordering::SeqCst) + 1;
        latest.fetch_max(number, Ordering::SeqCst);
    }

    /// How many there were, and what they have taken.
    pub(crate) fn commits(&self) -> &CommitCounts {
        &self.commits
    }

    fn now(&self) -> u64 {
        self.latest.load(Ordering::SeqCst)
    }

    fn is_unchanged_since(&self, id: RepositoryId, change: u64) -> bool {
        [&self.anything, self.references_of(id)].iter().all(|latest| latest.load(Ordering::SeqCst) <= change)
    }

    fn references_of(&self, id: RepositoryId) -> &AtomicU64 {
        let group = usize::try_from(id.0).unwrap_or_default() % self.references.len();
        &self.references[group]
    }
}

impl Database {
    /// The present moment, to be asked for before the first look; `None` if the database does not tell.
    pub async fn moment(&self) -> Option<Moment> {
        let change = self.changes().now();
        let snapshot = match self.location() {
            Location::Sqlite { .. } => None,
            Location::Postgres { .. } => Some(self.snapshot().await?),
        };
        Some(Moment { change, snapshot })
    }

    /// Whether what was seen of a repository, its project and its readers since `earlier` is still so at `now`.
    pub fn is_unchanged(&self, id: RepositoryId, earlier: &Moment, now: &Moment) -> bool {
        earlier.snapshot == now.snapshot && self.changes().is_unchanged_since(id, earlier.change)
    }

    async fn snapshot(&self) -> Option<Box<str>> {
        let asked = "SELECT txid_current_snapshot()::text AS snapshot";
        let statement = Statement::from_string(DbBackend::Postgres, asked);
        let row = self.connection().query_one_raw(statement).await.ok()??;
        row.try_get::<String>("", "snapshot").ok().map(String::into_boxed_str)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
mod tests {
    use super::*;
    use crate::database::Role;
    use crate::test_databases::TestDatabase;
    use crate::upstream_store::UpstreamStore;

    const ONE: RepositoryId = RepositoryId(1);
    const OTHER: RepositoryId = RepositoryId(2);

    #[test]
    fn a_change_counts_for_what_shows_it() {
        let changes = ChangeCount::default();
        let before = changes.now();
        changes.count(Shown::Nothing);
        assert!(changes.is_unchanged_since(ONE, before));
        changes.count(Shown::ReferencesOf(ONE));
        assert!(!changes.is_unchanged_since(ONE, before));
        assert!(changes.is_unchanged_since(OTHER, before));
        let after = changes.now();
        assert!(changes.is_unchanged_since(ONE, after));
        changes.count(Shown::Anything);
        assert!(!changes.is_unchanged_since(OTHER, after));
        assert!(changes.is_unchanged_since(ONE, changes.now()));
    }

    #[tokio::test]
    async fn a_commit_is_seen_by_every_process_at_the_database() {
        for test in TestDatabase::each(Role::Upstream).await {
            let other = test.open_again().await;
            let is_shared = test.url.starts_with("postgres");
            let mut writers = vec![test.database.clone()];
            writers.extend(is_shared.then(|| other.clone()));
            for writer in writers {
                let before = test.database.moment().await.unwrap();
                // At a server, other tests write in between.
                let again = test.database.moment().await.unwrap();
                assert!(is_shared || test.database.is_unchanged(ONE, &before, &again));
                let transaction = writer.begin_write().await.unwrap();
                let statement = "INSERT INTO upstream_setting (key, value) VALUES ('name', 'value') \
                                 ON CONFLICT (key) DO UPDATE SET value = 'other'";
                transaction.execute_unprepared(statement).await.unwrap();
                transaction.commit().await.unwrap();
                let after = test.database.moment().await.unwrap();
                assert!(!test.database.is_unchanged(ONE, &before, &after));
            }
            let store = UpstreamStore::new(other.clone());
            assert!(store.get_setting("name").await.unwrap().is_some());
            other.close().await.unwrap();
            test.remove().await;
        }
    }
}
