//! Fresh databases for tests: each test runs on SQLite, and on PostgreSQL too when
//! `HELIOSTAT_TEST_POSTGRES` holds the address of a server on which databases may be created.

use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use crate::database::{Database, Flush, Role};
use crate::database_unavailable::DatabaseUnavailable;

const POSTGRES_VARIABLE: &str = "HELIOSTAT_TEST_POSTGRES";

static CREATED: AtomicU32 = AtomicU32::new(0);

/// An empty, migrated database and where it is.
pub(crate) struct TestDatabase {
    pub database: Database,
    pub url: String,
    pub role: Role,
    cleanup: Cleanup,
}

enum Cleanup {
    Folder(TempDir),
    Postgres { admin_url: String, name: String },
}

impl TestDatabase {
    /// One database of each available kind.
    pub async fn each(role: Role) -> Vec<Self> {
        let mut databases = vec![Self::sqlite(role).await];
        if let Ok(admin_url) = std::env::var(POSTGRES_VARIABLE) {
            databases.push(Self::postgres(role, admin_url).await);
        }
        databases
    }

    async fn sqlite(role: Role) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be created");
        // A percent sign, because addresses must not be decoded on the way.
        let url = format!("sqlite:{}", folder.path().join("50%20store.db").display());
        let database = opened(&url, role).await;
        Self { database, url, role, cleanup: Cleanup::Folder(folder) }
    }

    async fn postgres(role: Role, admin_url: String) -> Self {
        let number = CREATED.fetch_add(1, Ordering::Relaxed);
        let name = format!("heliostat_test_{}_{number}", std::process::id());
        on_server(&admin_url, &format!("CREATE DATABASE {name}")).await;
        let (server, _) = admin_url.rsplit_once('/').expect("the address names a database");
        let url = format!("{server}/{name}");
        let database = opened(&url, role).await;
        Self { database, url, role, cleanup: Cleanup::Postgres { admin_url, name } }
    }

    /// The same database, opened a second time.
    pub async fn open_again(&self) -> Database {
        opened(&self.url, self.role).await
    }

    /// Closes the database and deletes it.
    pub async fn remove(self) {
        self.database.close().await.expect("an open database can be closed");
        match self.cleanup {
            Cleanup::Folder(folder) => folder.close().expect("the folder can be deleted"),
            Cleanup::Postgres { admin_url, name } => {
                on_server(&admin_url, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
            }
        }
    }
}

/// A server on a busy machine may take longer to accept a client than its clients wait.
async fn opened(url: &str, role: Role) -> Database {
    for _ in 0..10 {
        match Database::open(url, role, Flush::NowAndThen).await {
            Err(DatabaseUnavailable::Unreachable { .. }) if url.starts_with("postgres") => {}
            opened => return opened.expect("a database can be opened"),
        }
    }
    panic!("the test server accepts no client");
}

async fn on_server(admin_url: &str, statement: &str) {
    let server = sea_orm::Database::connect(admin_url).await.expect("the test server can be reached");
    server.execute_unprepared(statement).await.expect("the test server allows to create databases");
    server.close().await.expect("the connection can be closed");
}
