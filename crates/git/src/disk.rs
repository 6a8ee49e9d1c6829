//! Work on files: where it may block, and so that it survives a power failure.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio::task::spawn_blocking;

/// Runs file system work where it may block.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Makes renames and new files in this folder survive a power failure.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

/// The time since a file was last written to; `None` when it is not there.
pub fn age_of(file: &Path) -> Option<Duration> {
    let modified = std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok()?;
    Some(SystemTime::now().duration_since(modified).unwrap_or_default())
}

/// What is in a folder. Git removes folders that have become empty, so one that is gone is an empty one.
pub fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<std::fs::DirEntry>>> {
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        entries => Ok(Some(entries?).into_iter().flatten()),
    }
}

/// Removes a file; one that is gone is removed.
pub fn remove_if_there(file: &Path) -> io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
