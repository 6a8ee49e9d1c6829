//! Removing what was replaced: packs that the common index makes superfluous, and loose objects that are in packs.
//!
//! Two proofs are needed before a pack goes: the common index knows every one of its objects, and no process is left
//! that may have found it (`super::pack_times`). A loose object goes as soon as it is in a pack: a process that does
//! not find it looks through the packs again, as every `git` does.
//!
//! Nothing is taken from a push or a fetch that is under way: only files go that its objects do not depend on, and no
//! folder. A push makes the folder `objects/xx` and moves its object there in a second step, which fails if the folder
//! was removed between the two because it was empty.

use std::io;
use std::path::Path;

use heliostat_git::{GitError, ObjectId, Repository, blocking, remove_if_there, sync_folder};

use super::packs::pack_folder;
use super::repack::background;

/// How the name of a pack without its index begins: git calls so what it had no time to finish.
const REMOVED: &str = "tmp_removed_";

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) packs: usize,
    pub(super) bytes: u64,
}

/// Removes these packs, which were found replaced and free.
pub(super) async fn remove_packs(repository: &Repository, packs: Vec<String>) -> Result<Removed, GitError> {
    let folder = pack_folder(repository.path());
    let removed = blocking(move || {
        // What replaces them must be there after a power failure before anything goes.
        sync_folder(&folder)?;
        let mut removed = Removed::default();
        for pack in &packs {
            removed.bytes += remove(&folder, pack)?;
            removed.packs += 1;
        }
        Ok(removed)
    });
    removed.await.map_err(|error| GitError::Io { operation: "remove replaced packs", error })
}

/// Removes loose objects that are in packs, says how many there were, and leaves the folders in which they lie:
/// `git prune-packed` would remove those that are empty.
pub(super) async fn remove_packed_loose_objects(repository: &Repository) -> Result<usize, GitError> {
    let operation = "remove loose objects that are packed";
    let command = background(repository, operation).args(["prune-packed", "--dry-run", "--quiet"]);
    let listing = command.run().await?.stdout;
    let path = repository.path().to_owned();
    let removed = blocking(move || {
        let mut removed = 0;
        sync_folder(&pack_folder(&path))?;
        let objects = path.join("objects");
        for line in listing.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let place = place_of_loose_object(line)
                .ok_or_else(|| io::Error::other(format!("not a loose object: {}", line.escape_ascii())))?;
            let file = objects.join(place);
            // It is in a pack, too: that it stays costs its bytes, and must not keep packs from being removed.
            match remove_if_there(&file) {
                Ok(()) => removed += 1,
                Err(error) => {
                    tracing::warn!(path = %file.display(), %error, "cannot remove a loose object that is packed");
                }
            }
        }
        Ok(removed)
    });
    removed.await.map_err(|error| GitError::Io { operation, error })
}

/// The place below `objects` of a file that git would remove: it says `rm -f <folder of objects>/xx/yyyy…`.
fn place_of_loose_object(line: &[u8]) -> Option<String> {
    let mut parts = line.rsplitn(3, |byte| *byte == b'/');
    let (file, folder) = (parts.next()?, parts.next()?);
    ObjectId::from_hex(&[folder, file].concat()).filter(|_| folder.len() == 2)?;
    Some(format!("{}/{}", folder.escape_ascii(), file.escape_ascii()))
}

/// Removes all files of a pack and says how large it was.
fn remove(folder: &Path, pack: &str) -> io::Result<u64> {
    let (file, removed) = (folder.join(format!("{pack}.pack")), folder.join(format!("{REMOVED}{pack}")));
    let size = std::fs::metadata(&file).map_or(0, |metadata| metadata.len());
    let part = |extension: &str| folder.join(format!("{pack}.{extension}"));
    // First: without it no process starts to use the pack.
    remove_if_there(&part("idx"))?;
    // Removing a large file takes a while: what is left when this process is killed must be known for a leftover.
    std::fs::rename(&file, &removed)?;
    for file in [part("rev"), part("bitmap"), part("mtimes"), removed] {
        remove_if_there(&file)?;
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_of_loose_objects_are_taken_from_a_listing() {
        let rest = "2".repeat(38);
        let line = format!("rm -f /srv/a/b.git/objects/1f/{rest}");
        assert_eq!(place_of_loose_object(line.as_bytes()), Some(format!("1f/{rest}")));
        for other in ["", "rm -f objects/pack/pack-1.idx", "objects/1f/../../HEAD", "1f/", "warning: 1f/2"] {
            assert_eq!(place_of_loose_object(other.as_bytes()), None, "{other}");
        }
    }
}
