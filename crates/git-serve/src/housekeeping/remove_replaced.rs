//! Removing what was replaced: packs that the common index makes superfluous, and loose objects that are in packs.
//!
//! Two proofs are needed before a pack goes: the common index knows every one of its objects, and all who began to
//! read before that was so have ended.

use std::io;
use std::path::Path;

use heliostat_git::{CommonIndex, GitError, Moment, Repository, blocking, sync_folder};

use super::packs::{PackInventory, pack_folder};
use super::repack::background;

/// What belongs to a pack. The index goes first: without it nobody starts to use the pack.
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

/// What could be removed as soon as nobody reads any more who reads now.
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

/// Removes what was left over; `None` while somebody may still read it.
pub(crate) async fn remove_replaced(
    repository: &Repository,
    replaced: &Replaced,
) -> Result<Option<Removed>, GitError> {
    if !repository.git().readers().have_ended(repository.path(), replaced.since) {
        return Ok(None);
    }
    background(repository, "remove loose objects that are packed")
        .args(["prune-packed", "--quiet"])
        .run()
        .await?;
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
        match std::fs::remove_file(folder.join(format!("{pack}.{part}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(size)
}
