//! Where a database is, and how it is connected to.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sea_orm::sqlx::Connection;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, DbErr};

use crate::database::Flush;
use crate::database_unavailable::DatabaseUnavailable;

/// How long a statement waits for another writer of the same SQLite file.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call waits for a free connection to a file, or for a new one.
const CONNECTION_WAIT: Duration = Duration::from_secs(10);
/// The same with a server. While it is away no request waits that long: see `watch`.
const SERVER_WAIT: Duration = Duration::from_secs(4);
/// How long the first connection to a file may take: a busy disk is no absent database.
const OPENING_WAIT: Duration = Duration::from_secs(60);

/// A database address, understood.
#[derive(Clone)]
pub(crate) enum Location {
    Sqlite { path: PathBuf },
    Postgres { url: String },
}

impl Location {
    /// Reads a URL; what is wrong with it is told without its password.
    pub(crate) fn parse(url: &str) -> Result<Self, DatabaseUnavailable> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // Checked here, because the database library's own complaint repeats the password.
            return match PgConnectOptions::from_str(url) {
                Ok(_) => Ok(Self::Postgres { url: url.to_owned() }),
                Err(error) => Err(DatabaseUnavailable::MalformedAddress {
                    address: without_password(url),
                    reason: error.to_string(),
                }),
            };
        }
        let unknown = || DatabaseUnavailable::UnknownAddress { address: without_password(url) };
        let path = url.strip_prefix("sqlite:").ok_or_else(unknown)?;
        let path = path.strip_prefix("//").unwrap_or(path);
        // A database in memory would be another one for each connection of the pool.
        if path.is_empty() || path.starts_with(':') {
            return Err(unknown());
        }
        Ok(Self::Sqlite { path: PathBuf::from(path) })
    }

    /// Whether this is a file that has yet to be made.
    pub(crate) fn is_missing_file(&self) -> bool {
        matches!(self, Self::Sqlite { path } if !path.exists())
    }

    /// For one look at a database that may be another server's: its settings stay as they are.
    pub(crate) fn options_to_look(&self) -> ConnectOptions {
        let mut options = self.plain_options(1);
        if let Self::Sqlite { path } = self {
            let path = path.clone();
            options
                .map_sqlx_sqlite_opts(move |sqlite| sqlite.filename(&path).busy_timeout(SQLITE_BUSY_TIMEOUT));
        }
        options
    }

    /// For the first connection, which brings the tables up to date.
    pub(crate) fn options_to_open(&self, flush: Flush) -> ConnectOptions {
        let mut options = self.options(1, flush);
        if let Self::Sqlite { .. } = self {
            options.connect_timeout(OPENING_WAIT).acquire_timeout(OPENING_WAIT);
        }
        options
    }

    /// For looks whether it answers.
    pub(crate) fn options_to_watch(&self, wait: Duration) -> ConnectOptions {
        let mut options = self.plain_options(1);
        options.connect_timeout(wait).acquire_timeout(wait);
        options
    }

    /// Its name, for those who may not know where it is.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Sqlite { path } => {
                path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
            }
            Self::Postgres { url } => {
                let options = PgConnectOptions::from_str(url).ok();
                let name = options.as_ref().and_then(|options| options.get_database());
                name.unwrap_or("postgres").to_owned()
            }
        }
    }

    /// What it means that the database does not answer.
    pub(crate) fn unreachable(&self, error: DbErr) -> DatabaseUnavailable {
        DatabaseUnavailable::Unreachable { address: self.to_string(), error }
    }

    fn plain_options(&self, max_connections: u32) -> ConnectOptions {
        let mut options = match self {
            // The path goes in by `filename` below, where nothing in it is taken for an escape.
            Self::Sqlite { .. } => ConnectOptions::new("sqlite:"),
            Self::Postgres { url } => ConnectOptions::new(url),
        };
        let wait = match self {
            Self::Sqlite { .. } => CONNECTION_WAIT,
            Self::Postgres { .. } => SERVER_WAIT,
        };
        options
            .max_connections(max_connections)
            .connect_timeout(wait)
            .acquire_timeout(wait)
            // Statements carry secrets as values.
            .sqlx_logging(false)
            .record_stmt_in_spans(false);
        options
    }

    /// For a role that works with it.
    pub(crate) fn options(&self, max_connections: u32, flush: Flush) -> ConnectOptions {
        let mut options = self.plain_options(max_connections);
        if let Self::Sqlite { path } = self {
            // A connection to a file does not break, and one that was left in the middle is set right when it comes back.
            options.test_before_acquire(false);
            // SQLite ends a transaction by itself when there is no room for it, and sqlx goes on to count it as open. What was
            // written by such a connection would never be committed, and nothing by any other one.
            options.map_sqlx_sqlite_pool_opts(|pool| {
                pool.after_release(|connection, _| {
                    Box::pin(async move {
                        // What was left to be rolled back is by then, if it can be.
                        connection.ping().await?;
                        Ok(!connection.is_in_transaction())
                    })
                })
            });
            let path = path.clone();
            let synchronous = match flush {
                Flush::EachCommit => SqliteSynchronous::Full,
                // With a write-ahead log, a committed change is in the kernel's hands when NORMAL returns.
                Flush::NowAndThen => SqliteSynchronous::Normal,
            };
            options.map_sqlx_sqlite_opts(move |sqlite| {
                sqlite
                    .filename(&path)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(synchronous)
                    .busy_timeout(SQLITE_BUSY_TIMEOUT)
                    .foreign_keys(true)
            });
        }
        options
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite:{}", path.display()),
            Self::Postgres { url } => f.write_str(&without_password(url)),
        }
    }
}

/// Leaves out what may be secret in an address: the password, and options, which may hold one too.
fn without_password(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(address, _options)| address);
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    match rest.rsplit_once('@') {
        None => url.to_owned(),
        Some((credentials, place)) => {
            let user = credentials.split_once(':').map_or(credentials, |(user, _password)| user);
            format!("{scheme}://{user}@{place}")
        }
    }
}
