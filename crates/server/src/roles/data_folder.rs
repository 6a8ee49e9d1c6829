//! The folder that holds everything a role keeps: made on first start, used by one process at a time.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use heliostat_storage::{Database, Role};

use super::options::{ListenOptions, StartError};
use super::owner_mark::{OwnerConflict, check_owner, mark_owner};

/// The SQLite file of a role whose database is not named.
pub const DATABASE_FILE: &str = "heliostat.db";
/// Where repositories lie.
pub const REPOSITORIES_FOLDER: &str = "repositories";
/// Only the owner may look inside: databases hold shared secrets.
const FOLDER_MODE: u32 = 0o700;
/// How long a predecessor may take to let go.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// Pause between two attempts.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A data directory that this process holds; let go when dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if needed and takes hold of it. A process that was killed a moment ago may still hold it,
    /// so this waits for a short while.
    pub async fn open(path: &Path) -> Result<Self, StartError> {
        let failed = |error| StartError::Data { path: path.to_owned(), error };
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path).map_err(failed)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(failed)?;
        let started = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(DataFolder { path: path.to_owned(), _lock: lock }),
                Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_PATIENCE => {
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                Err(TryLockError::WouldBlock) => {
                    let reason = "another process is using it";
                    return Err(failed(io::Error::new(io::ErrorKind::ResourceBusy, reason)));
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where repositories lie.
    pub fn repositories(&self) -> PathBuf {
        self.path.join(REPOSITORIES_FOLDER)
    }

    /// The database that is named, or the SQLite file inside this folder.
    pub fn database_url(&self, options: &ListenOptions) -> String {
        match &options.database {
            Some(url) => url.clone(),
            None => format!("sqlite:{}", self.path.join(DATABASE_FILE).display()),
        }
    }

    /// Opens the role's database, after a look whether it goes together with this folder.
    pub async fn open_database(&self, options: &ListenOptions, role: Role) -> Result<Database, StartError> {
        let url = self.database_url(options);
        check_owner(&self.path, role, &url).await.map_err(|conflict| match conflict {
            OwnerConflict::Database(error) => StartError::Database(error.to_string()),
            conflict => StartError::Owner(conflict),
        })?;
        Database::open(&url, role).await.map_err(|error| StartError::Database(error.to_string()))
    }

    /// Marks the folder as that of the server that the database belongs to.
    pub async fn mark(&self, database: &Database, role: Role) -> Result<(), StartError> {
        let owner = database.owner(role).await.map_err(|error| StartError::Database(error.to_string()))?;
        let Some(owner) = owner else { return Ok(()) };
        mark_owner(&self.path, &owner).map_err(|error| StartError::Data { path: self.path.clone(), error })
    }
}
