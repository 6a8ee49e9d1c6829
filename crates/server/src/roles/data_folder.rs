//! The folder that holds everything a role keeps: made on first start, used by one process at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use heliostat_git::make_folder_durably;

use super::options::StartError;

/// The database in the data directory, unless another one is named.
pub const DATABASE_FILE: &str = "heliostat.db";
/// The folder of the repositories.
pub(super) const REPOSITORIES_FOLDER: &str = "repositories";
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
        make_folder_durably(path).map_err(failed)?;
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
}

/// The database that is named, or the SQLite file inside the data directory.
pub fn database_url(data: &Path, database: Option<&str>) -> String {
    match database {
        Some(url) => url.to_owned(),
        None => format!("sqlite:{}", data.join(DATABASE_FILE).display()),
    }
}

/// Where the repositories of a data directory lie.
pub fn repositories_in(data: &Path) -> PathBuf {
    data.join(REPOSITORIES_FOLDER)
}
