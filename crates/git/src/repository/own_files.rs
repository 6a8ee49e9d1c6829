//! References that lie in files of their own: which there are, and moving a few of them together.
//!
//! What moves so is locked, compared and written before anything is put in its place: a failure until then changes nothing.
//! What a crash between the renames leaves was never proven. It is taken back at the next start (`half_moved.rs`), and no
//! reader is shown it: a mirror compares what is on the disk with what it has recorded.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use heliostat_git_wire::{ObjectId, RefMove, RefName};

use super::half_moved::{forget_moves, note_moves, take_back_half_moved};
use super::swap_refs::{NotSwapped, is_synced};
use crate::disk::{LockFile, blocking, files_below, make_folder_durably, sync_folder};
use crate::process::Durability;
use crate::refs::NotRewritten;
use crate::repository::Repository;

/// Most references that move so at once: each takes a rename, and the one file for all takes one.
const MAX_MOVED_TOGETHER: usize = 16;

impl Repository {
    /// The names of references that lie in files of their own, ours among them.
    pub(super) async fn own_files(&self) -> io::Result<BTreeSet<Vec<u8>>> {
        let repository = self.path().to_owned();
        blocking(move || own_files(&repository)).await
    }

    /// Whether these can be moved by their own files alone. What is deleted must be nowhere else, and no name may become a
    /// folder, or a folder a name.
    pub(super) async fn can_move_in_own_files(
        &self,
        moves: &[RefMove],
        own_files: &BTreeSet<Vec<u8>>,
    ) -> bool {
        if moves.len() > MAX_MOVED_TOGETHER || moves.iter().any(|one| is_folder_of_any(&one.name, moves)) {
            return false;
        }
        // Should it be out of date, then what is on the disk in the end is not what was planned, which is found out.
        let known = self.cache().last_known(self.id());
        let is_packed = |name: &[u8]| known.as_ref().is_none_or(|known| known.may_be_packed(name));
        for RefMove { name, step } in moves {
            let can = match step.to {
                Some(_) => self.can_have_own_file(name).await,
                None => own_files.contains(name) && !is_packed(name),
            };
            if !can {
                return false;
            }
        }
        true
    }

    /// Whether a reference of this name can be written into a file: the name may be too long, or still be that of an empty
    /// folder.
    async fn can_have_own_file(&self, name: &[u8]) -> bool {
        let text = std::str::from_utf8(name).ok().and_then(|name| RefName::parse(name).ok());
        let place = self.path().join(OsStr::from_bytes(name));
        text.is_some_and(|name| name.fits_a_file())
            && !tokio::fs::metadata(place).await.is_ok_and(|found| found.is_dir())
    }
}

/// Moves references by their own files. Blocks.
pub(super) fn move_in_own_files(
    repository: &Path,
    moves: &[RefMove],
    durability: Durability,
) -> Result<(), NotSwapped> {
    let (mut locked, mut folders) = (Vec::with_capacity(moves.len()), BTreeSet::new());
    for moved in moves {
        let place = repository.join(OsStr::from_bytes(&moved.name));
        let folder = place.parent().unwrap_or(repository);
        make_folder_durably(folder)?;
        let is_synced = is_synced(&place, durability);
        let mut lock = LockFile::create(&place)?;
        if !is_expected(&place, moved)? {
            let name = String::from_utf8_lossy(&moved.name).into_owned();
            return Err(NotSwapped::Content(NotRewritten::Stale(name)));
        }
        if let Some(to) = &moved.step.to {
            lock.file().write_all(format!("{to}\n").as_bytes())?;
            if is_synced {
                lock.file().sync_all()?;
            }
        }
        if is_synced {
            folders.insert(folder.to_owned());
        }
        locked.push((lock, moved));
    }
    let is_noted = moves.len() > 1;
    if is_noted {
        note_moves(repository, moves, durability)?;
    }
    let moved = locked.into_iter().try_for_each(|(lock, moved)| match moved.step.to {
        Some(_) => lock.put_in_place(),
        None => lock.remove_locked(),
    });
    let moved = moved.and_then(|()| folders.iter().try_for_each(|folder| sync_folder(folder)));
    match &moved {
        Ok(()) if is_noted => forget_moves(repository)?,
        Err(_) if is_noted => {
            take_back_half_moved(repository, durability)?;
        }
        Ok(()) | Err(_) => {}
    }
    Ok(moved?)
}

/// Whether the reference is where it moves from, as far as its own file tells.
fn is_expected(place: &Path, moved: &RefMove) -> io::Result<bool> {
    match fs::read(place) {
        // Then the packed file says where it is, which is compared with all others in the end.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(moved.step.to.is_some()),
        found => Ok(Some(found?.trim_ascii_end()) == moved.step.from.as_ref().map(ObjectId::as_bytes)),
    }
}

fn is_folder_of_any(name: &[u8], moves: &[RefMove]) -> bool {
    moves.iter().any(|other| other.name.strip_prefix(name).is_some_and(|below| below.starts_with(b"/")))
}

fn own_files(repository: &Path) -> io::Result<BTreeSet<Vec<u8>>> {
    let mut names = BTreeSet::new();
    for file in files_below(repository.join("refs")) {
        let path = file?.path();
        let name = path.strip_prefix(repository).unwrap_or(&path).as_os_str().as_bytes();
        if !name.ends_with(b".lock") {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}
