//! The folder that holds everything a role keeps: made on first start, used by one process at a time.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use heliostat_git::make_folder_durably;

use super::options::StartError;
use super::owner_mark::{ADMIN_PASSWORD_FILE, MARK_FILE};
use super::privacy::{Before, StaysOpen, close, close_all_in, is_open};

/// The database in the data directory, unless another one is named.
pub const DATABASE_FILE: &str = "heliostat.db";
/// The folder of the repositories.
pub(super) const REPOSITORIES_FOLDER: &str = "repositories";
/// Whom git trusts, in PEM, where that is more than the system says.
pub(super) const AUTHORITIES_FILE: &str = "authorities.pem";
/// What a role makes in the folder, or finds in one that is a disk of its own.
const OWN_ENTRIES: [&str; 10] = [
    REPOSITORIES_FOLDER,
    AUTHORITIES_FILE,
    "cache",
    DATABASE_FILE,
    "heliostat.db-wal",
    "heliostat.db-shm",
    MARK_FILE,
    ADMIN_PASSWORD_FILE,
    "lock",
    "lost+found",
];
/// Those of them by which a folder is known as a role's, whatever else is in it.
const MARKS: [&str; 2] = [MARK_FILE, DATABASE_FILE];
/// How long a predecessor may take to let go.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// Pause between two attempts.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A data directory that this process holds; let go when dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    /// Whether others could look into it until now.
    before: Before,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if needed and takes hold of it. A process that was killed a moment ago may still hold it,
    /// so this waits for a short while. From then on only the owner may look into it.
    pub async fn open(path: &Path) -> Result<Self, StartError> {
        let failed = |error| StartError::Data { path: path.to_owned(), error };
        make_folder_durably(path).map_err(failed)?;
        let before = take_from_others(path)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(failed)?;
        let started = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(DataFolder { path: path.to_owned(), before, _lock: lock }),
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

    /// Makes everything in it its owner's. Where others could look into the folder this is done before anything else;
    /// otherwise they could not reach what is in it, and a large folder must not hold up the start.
    pub async fn close_contents(&self) -> Result<(), StartError> {
        let path = self.path.clone();
        let closing = tokio::task::spawn_blocking(move || close_contents_of(&path));
        if self.before == Before::Open {
            let data = self.path.display();
            tracing::warn!(%data, "the data folder was open to other users of this machine; now it is closed");
            let closed = closing.await.map_err(|error| StartError::DataIsOpen(error.to_string()))?;
            return Ok(closed?);
        }
        tokio::spawn(async move {
            if let Ok(Err(open)) = closing.await {
                tracing::warn!(
                    error = &open as &dyn std::error::Error,
                    "something in the data folder is open to other users of this machine, or may be"
                );
            }
        });
        Ok(())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Closes the folder to other users before anything is made in it, so that they reach nothing that lies deeper. An open
/// folder with what is not ours is left as it is, because closing it may harm others.
fn take_from_others(folder: &Path) -> Result<Before, StartError> {
    if is_open(folder) && !holds_only_ours(folder) {
        return Err(StartError::DataIsOpen(format!(
            "{folder:?} is open to other users of this machine and holds what is not Heliostat's, so it is not closed \
             unasked: `chmod 700` it"
        )));
    }
    let before = close(folder)?;
    for entry in OWN_ENTRIES {
        close(&folder.join(entry))?;
    }
    Ok(before)
}

fn holds_only_ours(folder: &Path) -> bool {
    let is_marked = MARKS.iter().any(|mark| folder.join(mark).exists());
    let is_ours = |name: &std::ffi::OsStr| OWN_ENTRIES.iter().any(|own| name == *own);
    let holds_others = || {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| !is_ours(&entry.file_name()))
    };
    is_marked || !holds_others()
}

/// Two folders may lie on a disk of their own, behind a symbolic link.
fn close_contents_of(folder: &Path) -> Result<(), StaysOpen> {
    close_all_in(folder)?;
    for elsewhere in [REPOSITORIES_FOLDER, "cache"].map(|name| folder.join(name)) {
        if elsewhere.is_symlink() {
            close_all_in(&elsewhere)?;
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in names {
            std::fs::write(folder.path().join(name), "x").expect("written");
        }
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))
            .expect("its owner may");
        folder
    }

    #[test]
    fn an_open_folder_is_closed_unless_it_holds_what_is_not_ours() {
        for names in [&[][..], &["lost+found"], &["repositories", "lock"], &["owner.json", "notes.txt"]] {
            let folder = folder_with(names);
            assert_eq!(take_from_others(folder.path()).expect("closed"), Before::Open, "{names:?}");
            assert!(!is_open(folder.path()), "{names:?}");
        }
        let folder = folder_with(&["repositories", "passwd"]);
        let refused = take_from_others(folder.path()).expect_err("another's folder");
        assert!(refused.to_string().contains("chmod 700"), "{refused}");
        assert!(is_open(folder.path()));
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700))
            .expect("its owner may");
        assert_eq!(take_from_others(folder.path()).expect("closed already"), Before::Closed);
    }
}
