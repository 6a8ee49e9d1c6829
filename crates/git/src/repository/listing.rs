//! Which repositories lie on disk: a folder is read again when something came or went there.
//!
//! Each comparison with an upstream asks, and of 256 folders hardly any has changed. What was read is believed as long as
//! the folder has the same signs, and only if it had been left alone for a while when it was read: what comes within the
//! same step of the file system's clock leaves the same signs.

use std::fs::{metadata, read_dir};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::store::{FOLDERS, folder_name};
use crate::disk::FileSigns;

/// The clocks of file systems take steps of 4 ms where the kernel counts them, and of up to 2 s where the disk does.
const LONGEST_CLOCK_STEP: Duration = Duration::from_secs(2);

/// What was found in each folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    folders: Mutex<Vec<Option<ListedFolder>>>,
}

#[derive(Debug)]
struct ListedFolder {
    signs: FileSigns,
    ids: Vec<u64>,
}

impl Listing {
    /// The numbers of all repositories in ascending order, whole or broken.
    pub(super) fn read(&self, root: &Path) -> io::Result<Vec<u64>> {
        let mut folders = self.folders.lock();
        folders.resize_with(FOLDERS as usize, || None);
        let mut ids = Vec::new();
        for (number, known) in (0..FOLDERS).zip(folders.iter_mut()) {
            let folder = root.join(folder_name(number));
            // Those of the folder itself, where it is a link to another disk.
            let Some(metadata) = if_there(metadata(&folder))? else {
                *known = None;
                continue;
            };
            let signs = FileSigns::of(&metadata);
            if let Some(known) = known.as_ref().filter(|known| known.signs == signs) {
                ids.extend_from_slice(&known.ids);
                continue;
            }
            *known = None;
            let Some(found) = if_there(ids_in(&folder, number))? else { continue };
            ids.extend_from_slice(&found);
            let has_settled = has_settled(metadata.modified()?);
            *known = has_settled.then_some(ListedFolder { signs, ids: found });
        }
        ids.sort_unstable();
        Ok(ids)
    }
}

/// `None` for what is not there.
fn if_there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

fn has_settled(modified: SystemTime) -> bool {
    SystemTime::now().duration_since(modified).is_ok_and(|age| age > LONGEST_CLOCK_STEP)
}

fn ids_in(folder: &Path, remainder: u64) -> io::Result<Vec<u64>> {
    let mut ids = Vec::new();
    for entry in read_dir(folder)? {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".git")?.parse::<u64>().ok());
        ids.extend(id.filter(|id| id % FOLDERS == remainder));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use std::fs::{File, create_dir, create_dir_all, remove_dir, remove_dir_all};

    use super::*;

    fn was_changed(folder: &Path, ago: Duration) {
        let file = File::open(folder).expect("it is there");
        file.set_modified(SystemTime::now() - ago).expect("a time can be set");
    }

    #[test]
    fn what_comes_and_goes_is_seen_whenever_it_does() {
        let root = tempfile::tempdir().expect("a folder");
        let (listing, at) = (Listing::default(), |path: &str| root.path().join(path));
        let listed = || listing.read(root.path()).expect("listable");
        create_dir_all(at("02/2.git")).expect("made");
        create_dir_all(at("02/258.git")).expect("made");
        create_dir_all(at("03/3.git")).expect("made");
        assert_eq!(listed(), [2, 3, 258]);

        // A folder that has settled: read again with its first change.
        was_changed(&at("02"), Duration::from_secs(60));
        assert_eq!((listed(), listed()), (vec![2, 3, 258], vec![2, 3, 258]));
        create_dir(at("02/514.git")).expect("made");
        assert_eq!(listed(), [2, 3, 258, 514]);
        remove_dir(at("02/258.git")).expect("removed");
        assert_eq!(listed(), [2, 3, 514]);

        remove_dir_all(at("03")).expect("removed");
        assert_eq!(listed(), [2, 514]);
        create_dir_all(at("03/259.git")).expect("made");
        assert_eq!(listed(), [2, 259, 514]);
    }

    #[test]
    fn a_folder_may_be_a_link_to_another_disk() {
        let root = tempfile::tempdir().expect("a folder");
        let elsewhere = tempfile::tempdir().expect("a folder");
        let (listing, folder) = (Listing::default(), elsewhere.path().join("02"));
        let listed = || listing.read(root.path()).expect("listable");
        std::os::unix::fs::symlink(&folder, root.path().join("02")).expect("made");
        assert!(listed().is_empty(), "it leads nowhere");
        create_dir_all(folder.join("2.git")).expect("made");
        was_changed(&folder, Duration::from_secs(60));
        assert_eq!((listed(), listed()), (vec![2], vec![2]));
        create_dir(folder.join("258.git")).expect("made");
        assert_eq!(listed(), [2, 258]);
    }

    #[test]
    fn a_folder_that_has_settled_is_not_read_again() {
        let root = tempfile::tempdir().expect("a folder");
        let (listing, folder) = (Listing::default(), root.path().join("02"));
        create_dir_all(folder.join("2.git")).expect("made");
        let is_remembered = || {
            listing.read(root.path()).expect("listable");
            listing.folders.lock()[2].is_some()
        };
        assert!(!is_remembered(), "it may change again in the same step of the clock");
        was_changed(&folder, Duration::from_secs(60));
        assert!(is_remembered());
        was_changed(&folder, Duration::ZERO);
        assert!(!is_remembered(), "it has changed since, and only just");
    }
}
