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

/// Something is open to others, or may be. Each ends with a remedy, to which another one can be added.
#[derive(Debug, thiserror::Error)]
pub(super) enum StaysOpen {
    /// It is, and cannot be closed.
    #[error(
        "{path:?} is open to other users of this machine, and that cannot be changed ({error}): \
         `chown` it to the user that runs heliostat"
    )]
    CannotClose {
        path: PathBuf,
        #[source]
        error: io::Error,
    },
    /// It is another user's, who shows nothing of it.
    #[error(
        "{path:?} belongs to another user and cannot be looked at ({error}): \
         `chown -R` the data directory to the user that runs heliostat"
    )]
    OfAnotherUser {
        path: PathBuf,
        #[source]
        error: io::Error,
    },
    /// Nothing is known of it.
    #[error("{path:?} cannot be looked at ({error}): see to the disk")]
    CannotLook {
        path: PathBuf,
        #[source]
        error: io::Error,
    },
}

impl StaysOpen {
    /// Why something could not be looked at.
    fn unseen(path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::OfAnotherUser { path, error },
            _ => Self::CannotLook { path, error },
        }
    }
}

/// Whether others may use a file or a folder; not if it is not there.
pub(super) fn is_open(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & OF_OTHERS != 0)
}

/// Closes a file or a folder, not what is in it. A symbolic link stands for what it leads to.
pub(super) fn close(path: &Path) -> Result<Before, StaysOpen> {
    close_found(path, fs::metadata(path))
}

/// Closes everything in a folder, at every depth. Symbolic links are not followed: what they lead to is not
/// Heliostat's.
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
    let stays_open = |error| StaysOpen::CannotClose { path: path.to_owned(), error };
    let mode = match found {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Before::Closed),
        Err(error) => return Err(StaysOpen::unseen(path, error)),
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

/// The entries of a folder. One that is gone has none, and one that only another user may read is closed already.
fn entries_of(folder: &Path) -> Result<Vec<PathBuf>, StaysOpen> {
    let entries = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
    match entries {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            Ok(Vec::new())
        }
        entries => entries.map_err(|error| StaysOpen::unseen(folder, error)),
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

    #[test]
    fn what_another_user_does_not_show_is_not_called_open() {
        let told = |kind: io::ErrorKind| {
            close_found(Path::new("/data/repositories"), Err(kind.into())).expect_err("not seen").to_string()
        };
        let denied = told(io::ErrorKind::PermissionDenied);
        assert!(denied.contains("another user") && denied.contains("chown"), "{denied}");
        for unseen in [denied, told(io::ErrorKind::InvalidData)] {
            assert!(unseen.contains("/data/repositories") && !unseen.contains("is open"), "{unseen}");
        }
    }
}
