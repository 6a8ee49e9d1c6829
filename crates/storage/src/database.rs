//! The one database of a role: where it is, how it is opened and brought up to date.

use std::fmt;
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::Mutex;

use crate::change_count::{ChangeCount, Shown};
use crate::database_unavailable::DatabaseUnavailable;
use crate::error::StoreError;
use crate::location::Location;
use crate::migrate::{NotMigrated, migrate};
use crate::pool_size::PoolSize;
use crate::write_transaction::WriteTransaction;

/// Which role's tables a database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The primary.
    Upstream,
    /// The replica.
    Mirror,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upstream => "upstream",
            Self::Mirror => "mirror",
        })
    }
}

/// When a commit is on the disk. A PostgreSQL server decides that by its own `synchronous_commit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Before it returns: a power failure takes nothing that was committed.
    EachCommit,
    /// Now and then: a power failure may take the last commits, and never half of one. A killed process loses nothing.
    NowAndThen,
}

/// An open database whose tables are up to date. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    connection: DatabaseConnection,
    location: Location,
    flush: Flush,
    role: Role,
    /// How many connections are opened at most.
    max_connections: u32,
    /// Whether it was found not to answer.
    away: Arc<AtomicBool>,
    /// Whether another process was found to work with it for the same role.
    doubled: Arc<AtomicBool>,
    /// What this process has committed.
    changes: Arc<ChangeCount>,
    /// SQLite lets one transaction write at a time, and others look again now and then: here they stand in a line.
    writing: Arc<Mutex<()>>,
}

impl Database {
    /// Opens `sqlite:/path/to/file.db` (created when missing, in a folder that exists) or
    /// `postgres://user:password@host:port/name`, and creates or updates the role's tables.
    pub fn open(
        url: &str,
        role: Role,
        flush: Flush,
    ) -> Pin<Box<dyn Future<Output = Result<Self, DatabaseUnavailable>> + Send + '_>> {
        // Behind a pointer it is compiled here, and as a future where it is waited for: in the crates above.
        Box::pin(Self::connect(url, role, flush))
    }

    async fn connect(url: &str, role: Role, flush: Flush) -> Result<Self, DatabaseUnavailable> {
        let location = Location::parse(url)?;
        let address = location.to_string();
        let unreachable = |error| DatabaseUnavailable::Unreachable { address: address.clone(), error };

        if let Location::Sqlite { path } = &location {
            create_private_file(path)
                .map_err(|error| DatabaseUnavailable::File { address: address.clone(), error })?;
        }

        // A pooled SQLite connection can hold on to the schema from before a migration, so the
        // migrations get a pool of one connection that is closed before the service's pool opens.
        let migrating =
            sea_orm::Database::connect(location.options_to_open(flush)).await.map_err(unreachable)?;
        let migrated = migrate(&migrating, role).await;
        let size = PoolSize::find(&location, &migrating).await;
        migrating.close().await.map_err(unreachable)?;
        migrated.map_err(|reason| match reason {
            NotMigrated::Newer { step } => DatabaseUnavailable::Newer { address: address.clone(), step },
            NotMigrated::Failed(error) => {
                DatabaseUnavailable::NotMigrated { address: address.clone(), error }
            }
        })?;
        let size = size.map_err(unreachable)?;
        if let Some(complaint) = size.complaint(&location) {
            tracing::warn!("{complaint}");
        }
        let max_connections = size.connections;
        let options = location.options(max_connections, flush);
        let mut connection = sea_orm::Database::connect(options).await.map_err(unreachable)?;
        let (away, doubled, writing) = Default::default();
        let changes = Arc::<ChangeCount>::default();
        let counted = Arc::clone(&changes);
        connection.set_metric_callback(move |_| counted.commits().count_statement());
        Ok(Self { connection, location, flush, role, max_connections, away, doubled, changes, writing })
    }

    /// Whether a database with this URL can be reached, and what is to be said of it all the same; creates nothing.
    pub async fn check(url: &str) -> Result<Option<String>, DatabaseUnavailable> {
        let location = Location::parse(url)?;
        let address = location.to_string();
        if location.is_missing_file() {
            // A missing file is made at the first start; its folder is checked as the data directory.
            return Ok(None);
        }
        let unreachable = |error| DatabaseUnavailable::Unreachable { address: address.clone(), error };
        let options = location.options(1, Flush::NowAndThen);
        let connection = sea_orm::Database::connect(options).await.map_err(unreachable)?;
        connection.ping().await.map_err(unreachable)?;
        let size = PoolSize::find(&location, &connection).await.map_err(unreachable)?;
        connection.close().await.map_err(unreachable)?;
        Ok(size.complaint(&location))
    }

    /// Writes a copy of an SQLite database into a file that is missing or empty: as it is at one moment, while others
    /// go on using it, and on the disk when this returns. Creates and changes nothing else.
    pub async fn copy_sqlite(url: &str, into: &Path) -> Result<(), DatabaseUnavailable> {
        let location = Location::parse(url)?;
        let Some(target) = into.to_str().filter(|_| matches!(location, Location::Sqlite { .. })) else {
            return Err(DatabaseUnavailable::UnknownAddress { address: location.to_string() });
        };
        let file_error = |error| DatabaseUnavailable::File { address: into.display().to_string(), error };
        create_private_file(into).map_err(file_error)?;
        let connection = sea_orm::Database::connect(location.options(1, Flush::NowAndThen)).await;
        let connection = connection.map_err(|error| location.unreachable(error))?;
        let statement = format!("VACUUM INTO '{}'", target.replace('\'', "''"));
        let copied = connection.execute_unprepared(&statement).await;
        connection.close().await.and(copied).map_err(|error| location.unreachable(error))?;
        File::open(into).and_then(|file| file.sync_all()).map_err(file_error)
    }

    /// Whether the database answers at this moment.
    pub async fn ping(&self) -> Result<(), DatabaseUnavailable> {
        self.connection.ping().await.map_err(|error| self.location.unreachable(error))
    }

    /// Brings to the disk what was committed until now, for what must not be lost although commits are flushed only now
    /// and then.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let Location::Sqlite { path } = &self.location else { return Ok(()) };
        let path = path.clone();
        let flushed = tokio::task::spawn_blocking(move || {
            match File::open(with_suffix(&path, "-wal")) {
                // All of it is in the database itself, where a checkpoint has flushed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                log => log?.sync_all()?,
            }
            // The files may be new. The database's own is not opened: closing it would end SQLite's locks on it.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        });
        let flushed = flushed.await.unwrap_or_else(|panic| Err(io::Error::other(panic)));
        flushed
            .map_err(|error| StoreError::Unavailable(DbErr::Custom(format!("cannot flush its log: {error}"))))
    }

    /// Closes all connections. An SQLite database is one file then, unless another process has it open.
    pub async fn close(self) -> Result<(), DatabaseUnavailable> {
        let Self { connection, location, flush, .. } = self;
        connection.close().await.map_err(|error| location.unreachable(error))?;
        match &location {
            // The last connection takes the log away. Several that close at once may each find the others still there.
            Location::Sqlite { path } if with_suffix(path, "-wal").exists() => {
                let last = sea_orm::Database::connect(location.options(1, flush)).await;
                let last = last.map_err(|error| location.unreachable(error))?;
                // A connection that has read nothing knows of no log.
                last.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)")
                    .await
                    .map_err(|error| location.unreachable(error))?;
                last.close().await.map_err(|error| location.unreachable(error))
            }
            _ => Ok(()),
        }
    }

    /// How many connections are opened at most. What needs another one waits, in one line for all.
    pub fn max_connections(&self) -> usize {
        usize::try_from(self.max_connections).unwrap_or(usize::MAX)
    }

    /// What a failure of the database means to its callers.
    pub(crate) fn unavailable(&self, error: DbErr) -> DatabaseUnavailable {
        self.location.unreachable(error)
    }

    /// Where it is.
    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    /// Whether it was found not to answer.
    pub(crate) fn away(&self) -> &AtomicBool {
        &self.away
    }

    /// Whether another process was found to work with it for the same role.
    pub(crate) fn doubled(&self) -> &AtomicBool {
        &self.doubled
    }

    /// Whose tables are used.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// What this process has committed.
    pub(crate) fn changes(&self) -> &ChangeCount {
        &self.changes
    }

    /// Where single statements go. One that changes a row and returns it belongs into a transaction: SQLite commits when
    /// the statement has ended, and the row comes before that. So does one that changes what remembered answers show
    /// ([`Shown`]): only transactions are counted.
    pub(crate) fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Starts a transaction that is going to write.
    ///
    /// On SQLite it takes the write lock at once: a transaction that reads first and writes later
    /// fails without waiting when another writer was there in between.
    pub(crate) async fn begin_write(&self) -> Result<WriteTransaction, DbErr> {
        self.begin_write_of(Shown::Anything).await
    }

    /// The same for one that changes only so much of what remembered answers show.
    pub(crate) async fn begin_write_of(&self, shown: Shown) -> Result<WriteTransaction, DbErr> {
        let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode, ..Default::default() };
        let began = Instant::now();
        let turn = match &self.location {
            Location::Sqlite { .. } => Some(Arc::clone(&self.writing).lock_owned().await),
            Location::Postgres { .. } => None,
        };
        let transaction = self.connection.begin_with_options(options).await?;
        Ok(WriteTransaction::new(transaction, shown, Arc::clone(&self.changes), turn, began))
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("address", &self.location.to_string()).finish_non_exhaustive()
    }
}

/// Creates the file readable for its owner only, because it holds secrets, and makes one so that is there already. SQLite
/// gives its side files the same mode.
fn create_private_file(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    for file in [path.to_owned(), with_suffix(path, "-wal"), with_suffix(path, "-shm")] {
        let Ok(metadata) = std::fs::metadata(&file) else { continue };
        if metadata.permissions().mode() & 0o077 != 0 {
            std::fs::set_permissions(&file, Permissions::from_mode(0o600))?;
        }
    }
    // The file itself is flushed by what is written into it.
    sync_folder_of(path)
}

/// Makes the name of a file survive a power failure.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// The name of one of SQLite's side files.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
mod tests {
    use super::*;
    use crate::mirror_store::MirrorStore;
    use crate::test_databases::TestDatabase;
    use crate::upstream_store::UpstreamStore;

    #[tokio::test]
    async fn opening_again_keeps_what_is_stored_and_both_roles_may_share_a_database() {
        for test in TestDatabase::each(Role::Upstream).await {
            UpstreamStore::new(test.database.clone()).set_setting("name", "upstream").await.unwrap();
            let mirror = Database::open(&test.url, Role::Mirror, Flush::NowAndThen).await.unwrap();
            MirrorStore::new(mirror.clone()).set_setting("name", "mirror").await.unwrap();
            let again = test.open_again().await;
            let stored = UpstreamStore::new(again.clone()).get_setting("name").await.unwrap();
            assert_eq!(stored.as_deref(), Some("upstream"));
            again.ping().await.unwrap();
            again.close().await.unwrap();
            mirror.close().await.unwrap();
            test.remove().await;
        }
    }

    #[tokio::test]
    async fn a_transaction_that_found_no_room_leaves_no_connection_in_the_middle() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        let database = Database::open(&url, Role::Upstream, Flush::NowAndThen).await.unwrap();
        let full = database.begin_write().await.unwrap();
        // This connection may not make the database any larger.
        full.execute_unprepared("PRAGMA max_page_count = 1").await.unwrap();
        let large = "INSERT INTO upstream_setting (key, value) VALUES ('large', hex(zeroblob(1000000)))";
        full.execute_unprepared(large).await.unwrap_err();
        drop(full);
        for _ in 0..4 {
            let next = database.begin_write().await.unwrap();
            next.execute_unprepared(large.replace("'large'", "'name'").as_str()).await.unwrap();
            next.execute_unprepared("DELETE FROM upstream_setting WHERE key = 'name'").await.unwrap();
            next.commit().await.unwrap();
        }
        database.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_closed_database_is_one_file_and_a_flushed_one_is_open_still() {
        for flush in [Flush::EachCommit, Flush::NowAndThen] {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite:{}", folder.path().join("store.db").display());
            let database = Database::open(&url, Role::Upstream, flush).await.unwrap();
            let store = UpstreamStore::new(database.clone());
            // From several connections at once.
            let mut writing = tokio::task::JoinSet::new();
            for number in 0..20 {
                let store = store.clone();
                writing.spawn(async move { store.set_setting(&format!("name {number}"), "value").await });
            }
            writing.join_all().await.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
            database.flush().await.unwrap();
            assert_eq!(store.get_setting("name 7").await.unwrap().as_deref(), Some("value"));
            database.close().await.unwrap();
            let left: Vec<_> =
                folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, ["store.db"]);
            let copy = Database::open(&url, Role::Upstream, flush).await.unwrap();
            assert!(UpstreamStore::new(copy.clone()).get_setting("name 19").await.unwrap().is_some());
            copy.flush().await.unwrap();
            copy.close().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_copy_is_made_while_the_database_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        let database = Database::open(&url, Role::Upstream, Flush::NowAndThen).await.unwrap();
        let store = UpstreamStore::new(database.clone());
        store.set_setting("before", "value").await.unwrap();
        // An apostrophe, because the name goes into a statement.
        let copy = folder.path().join("it's a copy.db");
        Database::copy_sqlite(&url, &copy).await.unwrap();
        store.set_setting("after", "value").await.unwrap();
        database.close().await.unwrap();
        let again = Database::copy_sqlite(&url, &copy).await;
        assert!(again.is_err(), "a file with something in it is not written over");
        let url = format!("sqlite:{}", copy.display());
        let copy = Database::open(&url, Role::Upstream, Flush::NowAndThen).await.unwrap();
        let store = UpstreamStore::new(copy.clone());
        assert!(store.get_setting("before").await.unwrap().is_some());
        assert!(store.get_setting("after").await.unwrap().is_none());
        copy.close().await.unwrap();
        let nowhere = Database::copy_sqlite("sqlite:/nowhere/at/all/x.db", &folder.path().join("y.db")).await;
        assert!(nowhere.is_err());
    }

    #[tokio::test]
    async fn a_database_file_is_for_its_owner_only_also_one_that_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.db");
        let url = format!("sqlite:{}", file.display());
        let database = Database::open(&url, Role::Mirror, Flush::NowAndThen).await.unwrap();
        database.close().await.unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let database = Database::open(&url, Role::Mirror, Flush::NowAndThen).await.unwrap();
        MirrorStore::new(database.clone()).set_setting("name", "value").await.unwrap();
        let mut files = 0;
        for entry in folder.path().read_dir().unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            files += 1;
        }
        assert!(files > 1, "the write-ahead log lies beside the database");
        database.close().await.unwrap();
    }

    #[tokio::test]
    async fn addresses_that_lead_nowhere_are_refused_without_showing_the_password() {
        let cases = [
            ("mysql://root:hidden@host/db", "\"mysql://root@host/db\" is neither"),
            ("sqlite::memory:", "is neither"),
            ("sqlite:", "is neither"),
            ("sqlite:/nowhere/at/all/x.db", "cannot open database file sqlite:/nowhere/at/all/x.db"),
            (
                "postgres://user:hid:d@en@127.0.0.1:99999/db?password=hidden",
                "\"postgres://user@127.0.0.1:99999/db\" is not understood",
            ),
        ];
        for (url, expected) in cases {
            let refused = Database::open(url, Role::Upstream, Flush::NowAndThen).await.expect_err(url);
            let shown = format!("{refused} {refused:?}");
            assert!(shown.contains(expected), "{shown}");
            assert!(!shown.contains("hid"), "{shown}");
        }
    }
}
