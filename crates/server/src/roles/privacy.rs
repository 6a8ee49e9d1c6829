//! Takes away what the group and all other users of a machine may do with files and folders.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What the group and everybody else may do.
const OF_OTHERS: u32 = 0o077;
/// What the owner may do, and the bits beside.
const OF_OWNER: u32 = 0o7700;

/// Whether others could use something before it was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// They could.
    Open,
    /// They could not, or it was not there.
    Closed,
}

/// Something stays open to others.
#[derive(Debug, thiserror::Error)]
#[error("{path:?} is open to other users of this machine, and that cannot be changed: {error}")]
pub(super) struct StaysOpen {
    path: PathBuf,
    #[source]
    error: io::Error,
}

/// Whether others may use a file or a folder; not if it is not there.
pub(super) fn is_open(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & OF_OTHERS != 0)
}

/// Closes a file or a folder, not what is in it. A symbolic link stands for what it leads to.
pub(super) fn close(path: &Path) -> Result<Before, StaysOpen> {
    close_found(path, fs::metadata(path))
}

/// Closes everything in a folder, at every depth. Symbolic links lead to what is somebody else's business.
pub(super) fn close_all_in(folder: &Path) -> Result<(), StaysOpen> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in entries_of(&folder)? {
            let found = fs::symlink_metadata(&entry);
            if found.as_ref().is_ok_and(Metadata::is_symlink) {
                continue;
            }
            let is_folder = found.as_ref().is_ok_and(Metadata::is_dir);
            close_found(&entry, found)?;
            if is_folder {
                folders.push(entry);
            }
        }
    }
    Ok(())
}

fn close_found(path: &Path, found: io::Result<Metadata>) -> Result<Before, StaysOpen> {
    let stays_open = |error| StaysOpen { path: path.to_owned(), error };
    let mode = match found {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Before::Closed),
        Err(error) => return Err(stays_open(error)),
    };
    if mode & OF_OTHERS == 0 {
        return Ok(Before::Closed);
    }
    match fs::set_permissions(path, Permissions::from_mode(mode & OF_OWNER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Before::Closed),
        changed => changed.map_err(stays_open)?,
    }
    // Some file systems know no permissions and say nothing.
    match is_open(path) {
        false => Ok(Before::Open),
        true => Err(stays_open(io::Error::other("the file system keeps its permissions"))),
    }
}

/// The entries of a folder. One that is gone has none, and one that only somebody else may read is closed already.
fn entries_of(folder: &Path) -> Result<Vec<PathBuf>, StaysOpen> {
    let entries = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
    match entries {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            Ok(Vec::new())
        }
        entries => entries.map_err(|error| StaysOpen { path: folder.to_owned(), error }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("there").permissions().mode() & 0o777
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("its owner may");
    }

    #[test]
    fn everything_is_closed_but_what_links_lead_to() {
        let place = tempfile::tempdir().expect("a folder");
        let (data, outside) = (place.path().join("data"), place.path().join("outside"));
        for folder in [&data.join("a/b"), &outside] {
            fs::create_dir_all(folder).expect("made");
        }
        std::os::unix::fs::symlink(&outside, data.join("a/link")).expect("made");
        let files = [data.join("one"), data.join("a/two"), data.join("a/b/three")];
        for (file, file_mode) in files.iter().zip([0o644, 0o444, 0o666]) {
            fs::write(file, "x").expect("written");
            set(file, file_mode);
        }
        for folder in [&data, &data.join("a"), &data.join("a/b"), &outside] {
            set(folder, 0o755);
        }
        assert_eq!(close(&data).expect("closed"), Before::Open);
        assert_eq!(close(&data).expect("closed"), Before::Closed);
        close_all_in(&data).expect("closed");
        for folder in [&data, &data.join("a"), &data.join("a/b")] {
            assert_eq!(mode(folder), 0o700, "{folder:?}");
        }
        assert_eq!(files.each_ref().map(|file| mode(file)), [0o600, 0o400, 0o600]);
        assert_eq!(mode(&outside), 0o755);
    }

    #[test]
    fn what_is_gone_is_closed_and_what_stays_open_is_named() {
        let nowhere = Path::new("/nonexistent/data");
        assert_eq!(close(nowhere).expect("nothing to close"), Before::Closed);
        close_all_in(nowhere).expect("nothing to close");
        let refused = close(Path::new("/proc/self")).expect_err("it is the system's");
        assert!(refused.to_string().contains("/proc/self"), "{refused}");
    }
}
