//! Objects that came along with the news of a change: checked as after a fetch, and written without a process.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use heliostat_git_wire::{ObjectFormat, ObjectId, RefSnapshot, lines_of};
use tempfile::NamedTempFile;

use super::arrived_objects::{Arrived, Needed, NotTaken};
use super::object_reader::{ObjectReader, ReadObject};
use crate::disk::{READ_ONLY_MODE, blocking, sync_each};
use crate::process::Durability;
use crate::repository::Repository;

/// What git begins the names of unfinished objects with, and housekeeping looks for.
const UNFINISHED: &str = "tmp_obj_";

impl Repository {
    /// Takes what these objects need from packs, and nothing else of them. Afterwards the objects are here with all that
    /// they need, as after a fetch. `shown` is what references name now, `replaced` what the new objects were most likely
    /// made from. When this fails, they can be fetched all the same. The caller keeps others from removing objects.
    pub async fn take_packs(
        &self,
        packs: Vec<Bytes>,
        objects: &BTreeSet<ObjectId>,
        shown: &RefSnapshot,
        replaced: &BTreeSet<ObjectId>,
    ) -> Result<(), NotTaken> {
        let format = objects.first().map_or(ObjectFormat::Sha1, ObjectId::format);
        if shown.is_shallow() || shown.object_format().is_some_and(|here| here != format) {
            return Err(NotTaken::NotWhole);
        }
        let path = self.path().to_owned();
        let durability = self.git().durability();
        let (tips, shown, replaced) = (objects.clone(), shown.clone(), replaced.clone());
        let writer = self.writer();
        let taken = blocking(move || {
            // Held to the end, also when no caller waits for it any more.
            let _writer = writer;
            Ok(take(&path, &packs, format, durability, &tips, &shown, &replaced))
        });
        let unproven = taken.await??;
        if !unproven.is_empty() {
            self.check_whole(objects).await?;
        }
        Ok(())
    }

    /// Fails unless the objects are here with all that they need, given that this is so for the references.
    async fn check_whole(&self, objects: &BTreeSet<ObjectId>) -> Result<(), NotTaken> {
        let command = self.command("check what came with an event");
        let command = command.args(["rev-list", "--objects", "--quiet", "--stdin", "--not", "--all"]);
        let ended = command.input(lines_of("", objects).into_bytes()).run_to_end().await?;
        if ended.status.success() { Ok(()) } else { Err(NotTaken::NotWhole) }
    }
}

/// Returns the objects of which it is not certain that they are whole.
fn take(
    repository: &Path,
    packs: &[Bytes],
    format: ObjectFormat,
    durability: Durability,
    tips: &BTreeSet<ObjectId>,
    shown: &RefSnapshot,
    replaced: &BTreeSet<ObjectId>,
) -> Result<BTreeSet<ObjectId>, NotTaken> {
    let here = ObjectReader::open(repository)?;
    let arrived = Arrived::read(packs, format, &here)?;
    let Needed { objects, unproven } = arrived.needed_for(tips, shown, replaced, &here)?;
    let mut unfinished = Vec::new();
    for object in &objects {
        if let Some(content) = arrived.get(object) {
            unfinished.push(write_unfinished(repository, object, content)?);
        }
    }
    if durability == Durability::Strict {
        sync_each(&unfinished, |(file, _)| file.as_file().sync_all())?;
    }
    for (file, place) in unfinished {
        file.persist(place).map_err(|error| error.error)?;
    }
    Ok(unproven)
}

/// Writes an object beside its place.
fn write_unfinished(
    repository: &Path,
    object: &ObjectId,
    (kind, content): &ReadObject,
) -> io::Result<(NamedTempFile, PathBuf)> {
    let (folder, name) = object.as_str().split_at(2);
    let folder = repository.join("objects").join(folder);
    let new_file = || tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&folder);
    let file = match new_file() {
        // Git removes folders that have become empty.
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => new_file()?,
        },
        file => file?,
    };
    let mut zlib = ZlibEncoder::new(file, Compression::fast());
    write!(zlib, "{} {}\0", kind.as_str(), content.len())?;
    zlib.write_all(content)?;
    let file = zlib.finish()?;
    file.as_file().set_permissions(Permissions::from_mode(READ_ONLY_MODE))?;
    Ok((file, folder.join(name)))
}

#[cfg(test)]
#[path = "take_packs_tests.rs"]
mod tests;
