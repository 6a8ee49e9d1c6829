//! Backups of a server's database, for tests that put an older one back.

use std::path::{Path, PathBuf};

use super::furnish::unique;
use super::server::{Server, tell_postgres};

/// A copy of the database of a server that did not run when it was made.
#[derive(Debug)]
pub enum DatabaseBackup {
    /// The files of an SQLite database: its own, and what lay beside it.
    Sqlite(Vec<(PathBuf, Vec<u8>)>),
    /// Another database of the same server.
    Postgres {
        /// Where databases are made.
        administrator: String,
        /// The name of the database.
        original: String,
        /// The name of its copy.
        copy: String,
    },
}

impl DatabaseBackup {
    /// Copies the database of a server that does not run.
    pub fn of(server: &Server) -> Self {
        assert!(server.process_id().is_none(), "a server that runs changes its database");
        if let Some(path) = server.database().strip_prefix("sqlite:") {
            let files = sqlite_files(Path::new(path)).into_iter().map(|file| {
                let content = std::fs::read(&file).expect("a database file can be read");
                (file, content)
            });
            return Self::Sqlite(files.collect());
        }
        let (_, original) = server.database().rsplit_once('/').expect("the URL names a database");
        let administrator = std::env::var("HELIOSTAT_TEST_DATABASE").expect("PostgreSQL is tested");
        let copy = format!("{original}_{}", unique());
        let backup = Self::Postgres { administrator, original: original.to_owned(), copy };
        let Self::Postgres { administrator, original, copy } = &backup else { unreachable!() };
        tell_postgres(administrator, &until_left(original));
        tell_postgres(administrator, &format!("CREATE DATABASE {copy} TEMPLATE {original}"));
        backup
    }

    /// Puts it back in the place of what the server has, which does not run.
    pub fn put_back(&self, server: &Server) {
        assert!(server.process_id().is_none(), "a server that runs changes its database");
        match self {
            Self::Sqlite(files) => {
                let path = server.database().trim_start_matches("sqlite:");
                for file in sqlite_files(Path::new(path)) {
                    std::fs::remove_file(file).expect("a database file can be removed");
                }
                for (file, content) in files {
                    std::fs::write(file, content).expect("a database file can be written");
                }
            }
            Self::Postgres { administrator, original, copy } => {
                tell_postgres(administrator, &format!("DROP DATABASE {original} WITH (FORCE)"));
                tell_postgres(administrator, &format!("CREATE DATABASE {original} TEMPLATE {copy}"));
            }
        }
    }
}

/// Waits until this database has no sessions: those of a process that was killed end a moment later, and a database in
/// use cannot be copied.
fn until_left(database: &str) -> String {
    format!(
        "DO $$ BEGIN FOR look IN 1..2400 LOOP \
         PERFORM pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = '{database}' AND backend_type = 'client backend'; \
         EXIT WHEN NOT FOUND; PERFORM pg_sleep(0.1); PERFORM pg_stat_clear_snapshot(); \
         END LOOP; END $$"
    )
}

/// The database file and those that SQLite lays beside it, as far as they are there.
fn sqlite_files(database: &Path) -> Vec<PathBuf> {
    let beside = |end: &str| PathBuf::from(format!("{}{end}", database.display()));
    let mut files = vec![database.to_owned(), beside("-wal"), beside("-shm")];
    files.retain(|file| file.exists());
    files
}
