//! All objects of a small repository in one pack, put together without a process.
//!
//! What is given away is whatever lies there, be it that a reference leads to it or not. Who takes it finds out by the
//! references, and takes none of it where it is more than they need.

use std::fs;
use std::io;
use std::path::Path;

use heliostat_git_wire::{ObjectFormat, ObjectId, PackWriter};

use crate::disk::{blocking, entries};
use crate::process::GitError;
use crate::repository::{PackIndex, Repository};

const OPERATION: &str = "pack everything";

impl Repository {
    /// All of its objects; `None` when that is more than so many bytes, or they do not lie plainly in its folder, or one of
    /// them has just been moved.
    pub async fn pack_everything(
        &self,
        format: ObjectFormat,
        max_bytes: usize,
    ) -> Result<Option<Vec<u8>>, GitError> {
        let objects = self.path().join("objects");
        match blocking(move || collect(&objects, format, max_bytes)).await {
            Ok(pack) => Ok(pack),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(GitError::Io { operation: OPERATION, error }),
        }
    }
}

fn collect(objects: &Path, format: ObjectFormat, max_bytes: usize) -> io::Result<Option<Vec<u8>>> {
    if fs::exists(objects.join("info/alternates"))? {
        return Ok(None);
    }
    let mut writer = PackWriter::new(format);
    let mut packs = Vec::new();
    let mut left = max_bytes;
    for entry in entries(&objects.join("pack"))? {
        let pack = entry?.path();
        // What only waits to be removed is listed beside it.
        if pack.extension().is_none_or(|ending| ending != "pack")
            || fs::exists(pack.with_extension("mtimes"))?
        {
            continue;
        }
        let Some(content) = read_within(&pack, &mut left)? else { return Ok(None) };
        if writer.append_pack(&content).is_err() {
            return Ok(None);
        }
        packs.push(PackIndex::open(&pack.with_extension("idx"))?);
    }
    for entry in entries(objects)? {
        let folder = entry?;
        let Some(start) = folder.file_name().to_str().filter(|name| name.len() == 2).map(str::to_owned)
        else {
            continue;
        };
        for entry in entries(&folder.path())? {
            let file = entry?;
            let name = format!("{start}{}", file.file_name().to_string_lossy());
            let Some(object) = ObjectId::from_hex(name.as_bytes()).filter(|object| object.format() == format)
            else {
                continue;
            };
            if is_in_one(&packs, &object)? {
                continue;
            }
            let Some(content) = read_within(&file.path(), &mut left)? else { return Ok(None) };
            if writer.append_loose(&content).is_err() || writer.bytes() > max_bytes {
                return Ok(None);
            }
        }
    }
    Ok(Some(writer.finish()))
}

/// A file, unless it is longer than what is left of the room, which it takes.
fn read_within(file: &Path, left: &mut usize) -> io::Result<Option<Vec<u8>>> {
    let length = usize::try_from(fs::metadata(file)?.len()).unwrap_or(usize::MAX);
    let Some(rest) = left.checked_sub(length) else { return Ok(None) };
    *left = rest;
    fs::read(file).map(Some)
}

fn is_in_one(packs: &[PackIndex], object: &ObjectId) -> io::Result<bool> {
    for pack in packs {
        if pack.holds(object)? {
            return Ok(true);
        }
    }
    Ok(false)
}
