//! Removing what was replaced: packs that the common index makes superfluous, and loose objects that are in packs.
//!
//! Two proofs are needed before a pack goes: the common index knows every one of its objects, and all processes that
//! began to read before that was so have ended.
//!
//! Nothing is taken from a push or a fetch that is under way: only files go that its objects do not depend on, and no
//! folder. A push makes the folder `objects/xx` and moves its object there in a second step, which fails if the folder
//! was removed between the two because it was empty.

use std::io;
use std::path::Path;

use heliostat_git::{
    CommonIndex, GitError, Moment, ObjectId, Repository, blocking, remove_if_there, sync_folder,
};

use super::packs::{PackInventory, pack_folder};
use super::repack::background;

/// What belongs to a pack. The index goes first: without it no process starts to use the pack.
const PARTS: [&str; 4] = ["idx", "rev", "bitmap", "pack"];

/// Packs that were replaced at some moment.
#[derive(Debug)]
pub(crate) struct Replaced {
    since: Moment,
    packs: Vec<String>,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) packs: usize,
    pub(crate) bytes: u64,
}

/// What could be removed as soon as all processes that read now have ended.
pub(crate) async fn find_replaced(repository: &Repository) -> Result<Replaced, GitError> {
    let path = repository.path().to_owned();
    let packs = blocking(move || {
        let packs = superfluous(&path)?;
        // What replaces packs and loose objects must be there after a power failure before anything goes.
        sync_folder(&pack_folder(&path))?;
        Ok(packs)
    });
    let packs = packs.await.map_err(|error| GitError::Io { operation: "look for replaced packs", error })?;
    Ok(Replaced { since: repository.git().readers().now(), packs })
}

/// Removes what was left over; `None` while a process may still read it.
pub(crate) async fn remove_replaced(
    repository: &Repository,
    replaced: &Replaced,
) -> Result<Option<Removed>, GitError> {
    if !repository.git().readers().have_ended(repository.path(), replaced.since) {
        return Ok(None);
    }
    remove_packed_loose_objects(repository).await?;
    let (path, packs) = (repository.path().to_owned(), replaced.packs.clone());
    let removed = blocking(move || {
        // Looked at again, because the index may have been written anew without them.
        let superfluous = superfluous(&path)?;
        let mut removed = Removed::default();
        for pack in packs.iter().filter(|pack| superfluous.contains(pack)) {
            removed.bytes += remove(&pack_folder(&path), pack)?;
            removed.packs += 1;
        }
        Ok(removed)
    });
    let removed =
        removed.await.map_err(|error| GitError::Io { operation: "remove replaced packs", error })?;
    Ok(Some(removed))
}

/// Removes loose objects that are in packs, and leaves the folders in which they lie: `git prune-packed` would remove
/// those that are empty.
async fn remove_packed_loose_objects(repository: &Repository) -> Result<(), GitError> {
    let operation = "remove loose objects that are packed";
    let command = background(repository, operation).args(["prune-packed", "--dry-run", "--quiet"]);
    let listing = command.run().await?.stdout;
    let objects = repository.path().join("objects");
    let removed = blocking(move || {
        for line in listing.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let place = place_of_loose_object(line)
                .ok_or_else(|| io::Error::other(format!("not a loose object: {}", line.escape_ascii())))?;
            let file = objects.join(place);
            // It is in a pack, too: that it stays costs its bytes, and must not keep packs from being removed.
            if let Err(error) = remove_if_there(&file) {
                tracing::warn!(path = %file.display(), %error, "cannot remove a loose object that is packed");
            }
        }
        Ok(())
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

/// Packs outside the common index whose every object it knows.
fn superfluous(repository: &Path) -> io::Result<Vec<String>> {
    let inventory = PackInventory::of(repository)?;
    let folder = pack_folder(repository);
    let Some(index) = CommonIndex::open(&folder)?.filter(|_| inventory.indexed.is_some()) else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for pack in inventory.unindexed().filter(|pack| !pack.is_kept && pack.objects <= index.objects()) {
        if index.knows_all_of(&folder.join(format!("{}.idx", pack.name)))? {
            names.push(pack.name.clone());
        }
    }
    Ok(names)
}

/// Removes all files of a pack and says how large it was.
fn remove(folder: &Path, pack: &str) -> io::Result<u64> {
    let size = std::fs::metadata(folder.join(format!("{pack}.pack"))).map_or(0, |metadata| metadata.len());
    for part in PARTS {
        remove_if_there(&folder.join(format!("{pack}.{part}")))?;
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
