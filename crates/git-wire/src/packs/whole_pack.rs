//! A pack that is here as a whole: its objects named, its index, and the proof that references lead to all of it.
//!
//! What `git index-pack` and the walk after a fetch would do, for a few thousand objects at most. Hashes are computed
//! without looking for collisions, as the server that sends has done for everything that was ever pushed to it.

use std::collections::HashMap;

use thiserror::Error;

use crate::names::{ObjectFormat, ObjectId};
use crate::packs::deltas;
use crate::packs::links::{Link, append_links, tagged};
use crate::packs::objects::{ObjectKind, RawName, hash, hash_bytes, name_of};
use crate::packs::zlib::Inflater;
use crate::refs::PeeledObject;

/// The most objects that a pack may have here.
pub const MAX_OBJECTS: usize = 20_000;

/// The most that its objects and deltas may take together when they are not compressed.
pub const MAX_INFLATED_BYTES: usize = 64 * 1024 * 1024;

/// `PACK`, and the version of all packs so far that `git` writes.
pub(super) const PACK_START: [u8; 8] = *b"PACK\0\0\0\x02";

/// What stands before the objects: the start and their number.
pub(super) const PACK_HEAD_BYTES: usize = 12;

/// `\377tOc`, version 2.
const INDEX_START: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];

/// The most bits that the size of an object takes here.
const MAX_SIZE_BITS: u32 = 32;

/// How many tags may stand between a reference and what it means in the end.
const MAX_NESTED_TAGS: usize = 64;

/// Why a pack is not taken here. `git` may judge otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PackFault {
    /// Its bytes are not those of a whole pack.
    #[error("the pack is not whole: {0}")]
    Malformed(&'static str),
    /// It is larger than what is worked on in memory.
    #[error("the pack holds more than {MAX_OBJECTS} objects or {MAX_INFLATED_BYTES} bytes")]
    TooLarge,
    /// An object is needed and is not in it.
    #[error("the pack lacks the object {0}")]
    Missing(String),
    /// An object is not what another one takes it for, or cannot be read.
    #[error("the object {object} is not as expected: {problem}")]
    Object {
        /// Its name.
        object: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// It holds objects to which the references do not lead.
    #[error("the references leave out {0} of the pack's objects")]
    Unreached(usize),
}

/// A pack whose every object was read and named.
#[derive(Debug)]
pub struct WholePack<'a> {
    pack: &'a [u8],
    format: ObjectFormat,
    /// In the order in which they stand in the pack.
    objects: Vec<Object>,
    by_name: HashMap<RawName, usize>,
}

#[derive(Debug)]
struct Object {
    name: RawName,
    kind: ObjectKind,
    content: Vec<u8>,
    place: Place,
}

/// Where an object stands in the pack, and the checksum of its bytes there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) start: usize,
    checksum: u32,
}

/// What stands in a pack, before deltas are applied.
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) basis: Basis,
    /// Of the object, or a delta.
    pub(super) content: Vec<u8>,
}

#[derive(Clone, Copy)]
pub(super) enum Basis {
    Nothing(ObjectKind),
    /// The entry that begins here.
    At(usize),
    Named(RawName),
}

/// How much may still be taken out of compressed bytes and deltas.
pub(super) struct Budget(pub(super) usize);

impl Budget {
    fn take(&mut self, bytes: usize) -> Result<(), PackFault> {
        self.0 = self.0.checked_sub(bytes).ok_or(PackFault::TooLarge)?;
        Ok(())
    }
}

impl<'a> WholePack<'a> {
    /// Reads a pack that is complete in itself.
    pub fn read(pack: &'a [u8], format: ObjectFormat) -> Result<Self, PackFault> {
        let mut budget = Budget(MAX_INFLATED_BYTES);
        let entries = read_whole(pack, format, &mut budget)?;
        let objects = resolve(entries, format, &mut budget)?;
        let by_name: HashMap<_, _> =
            objects.iter().enumerate().map(|(index, object)| (object.name, index)).collect();
        if by_name.len() < objects.len() {
            return Err(PackFault::Malformed("it holds an object twice"));
        }
        Ok(Self { pack, format, objects, by_name })
    }

    /// How `git` names the files of this pack, without the ending.
    pub fn file_stem(&self) -> String {
        format!("pack-{}", hex::encode(self.checksum()))
    }

    /// Fails unless these objects are here with all that they need, and nothing else is.
    pub fn require_exactly<'t>(&self, tips: impl IntoIterator<Item = &'t ObjectId>) -> Result<(), PackFault> {
        let mut is_met = vec![false; self.objects.len()];
        let (mut open, mut links) = (Vec::new(), Vec::new());
        for tip in tips {
            if tip.format() != self.format {
                return Err(PackFault::Missing(tip.to_string()));
            }
            let index = self.index_of(&RawName::of(tip))?;
            if !std::mem::replace(&mut is_met[index], true) {
                open.push(index);
            }
        }
        let mut met = open.len();
        while let Some(index) = open.pop() {
            let object = &self.objects[index];
            links.clear();
            append_links(object.kind, &object.content, self.format, &mut links)
                .map_err(|problem| self.fault(object, problem))?;
            for Link { name, kind } in &links {
                let index = self.index_of(name)?;
                if self.objects[index].kind != *kind {
                    return Err(self.fault(&self.objects[index], "another object takes it for another kind"));
                }
                if !std::mem::replace(&mut is_met[index], true) {
                    met += 1;
                    open.push(index);
                }
            }
        }
        match self.objects.len() - met {
            0 => Ok(()),
            unreached => Err(PackFault::Unreached(unreached)),
        }
    }

    /// What an object is when tags are followed.
    pub fn peeled(&self, object: &ObjectId) -> PeeledObject {
        let mut index = self.by_name.get(&RawName::of(object));
        for nested in 0..MAX_NESTED_TAGS {
            let Some(found) = index.map(|index| &self.objects[*index]) else { break };
            if found.kind != ObjectKind::Tag {
                return match nested {
                    0 => PeeledObject::NoTag,
                    _ => PeeledObject::To(found.name.object_id(self.format)),
                };
            }
            index = tagged(&found.content, self.format).and_then(|link| self.by_name.get(&link.name));
        }
        PeeledObject::Missing
    }

    /// Its index, as `git index-pack` writes it.
    pub fn index(&self) -> Vec<u8> {
        let mut sorted: Vec<&Object> = self.objects.iter().collect();
        sorted.sort_unstable_by_key(|object| object.name);
        let mut index = INDEX_START.to_vec();
        for first in 0..=u8::MAX {
            let up_to = sorted.partition_point(|object| object.name.first_byte() <= first);
            index.extend_from_slice(&be_bytes(up_to));
        }
        for object in &sorted {
            index.extend_from_slice(object.name.bytes(self.format));
        }
        for object in &sorted {
            index.extend_from_slice(&object.place.checksum.to_be_bytes());
        }
        for object in &sorted {
            index.extend_from_slice(&be_bytes(object.place.start));
        }
        index.extend_from_slice(self.checksum());
        let checksum = hash(&[&index[..]], self.format);
        index.extend_from_slice(checksum.bytes(self.format));
        index
    }

    fn checksum(&self) -> &[u8] {
        &self.pack[self.pack.len() - hash_bytes(self.format)..]
    }

    fn index_of(&self, name: &RawName) -> Result<usize, PackFault> {
        let found = self.by_name.get(name).copied();
        found.ok_or_else(|| PackFault::Missing(name.to_hex(self.format)))
    }

    fn fault(&self, object: &Object, problem: &'static str) -> PackFault {
        PackFault::Object { object: object.name.to_hex(self.format), problem }
    }
}

/// A number of an index. What is worked on here is far smaller than what it could say.
fn be_bytes(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

/// The entries of a pack that is not cut off.
pub(super) fn read_whole(
    pack: &[u8],
    format: ObjectFormat,
    budget: &mut Budget,
) -> Result<Vec<Entry>, PackFault> {
    let (body, count, checksum) = parts_of(pack, format)?;
    if hash(&[body], format).bytes(format) != checksum {
        return Err(PackFault::Malformed("its checksum is another one"));
    }
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > MAX_OBJECTS {
        return Err(PackFault::TooLarge);
    }
    read_entries(body, count, format, budget)
}

/// A pack without its checksum, how many objects it says it has, and its checksum.
pub(super) fn parts_of(pack: &[u8], format: ObjectFormat) -> Result<(&[u8], u32, &[u8]), PackFault> {
    let end = pack.len().checked_sub(hash_bytes(format)).filter(|end| *end >= PACK_HEAD_BYTES);
    let (body, checksum) = pack.split_at(end.ok_or(PackFault::Malformed("it is too short"))?);
    if !body.starts_with(&PACK_START) {
        return Err(PackFault::Malformed("it does not begin as one of version 2"));
    }
    let count = body[8..PACK_HEAD_BYTES].try_into().expect("four bytes");
    Ok((body, u32::from_be_bytes(count), checksum))
}

fn read_entries(
    body: &[u8],
    count: usize,
    format: ObjectFormat,
    budget: &mut Budget,
) -> Result<Vec<Entry>, PackFault> {
    let mut inflater = Inflater::new();
    let mut entries = Vec::with_capacity(count);
    let mut at = PACK_HEAD_BYTES;
    for _ in 0..count {
        let (basis, size, content_at) = read_entry_head(body, at, format)
            .ok_or(PackFault::Malformed("an object does not begin as one"))?;
        budget.take(size)?;
        let (content, length) = inflater
            .exactly(&body[content_at..], size)
            .ok_or(PackFault::Malformed("an object does not have the size that it says"))?;
        let end = content_at + length;
        let place = Place { start: at, checksum: crc32fast::hash(&body[at..end]) };
        entries.push(Entry { place, basis, content });
        at = end;
    }
    if at < body.len() {
        return Err(PackFault::Malformed("something stands after its last object"));
    }
    Ok(entries)
}

/// What an entry builds upon, the size of its content, and where that begins.
fn read_entry_head(body: &[u8], start: usize, format: ObjectFormat) -> Option<(Basis, usize, usize)> {
    let mut at = start;
    let mut byte = *body.get(at)?;
    let number = (byte >> 4) & 7;
    let (mut size, mut bits) = (u64::from(byte & 0x0f), 4);
    while byte & 0x80 != 0 {
        at += 1;
        byte = *body.get(at)?;
        size |= u64::from(byte & 0x7f) << bits;
        bits += 7;
        if bits > MAX_SIZE_BITS {
            return None;
        }
    }
    at += 1;
    let basis = match number {
        6 => {
            let mut byte = *body.get(at)?;
            let mut distance = u64::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                at += 1;
                byte = *body.get(at)?;
                distance = distance.checked_add(1)?.checked_mul(0x80)? | u64::from(byte & 0x7f);
            }
            at += 1;
            Basis::At(start.checked_sub(usize::try_from(distance).ok()?).filter(|base| *base < start)?)
        }
        7 => {
            let name = body.get(at..at + hash_bytes(format))?;
            at += hash_bytes(format);
            Basis::Named(RawName::of_bytes(name))
        }
        number => Basis::Nothing(ObjectKind::numbered(number)?),
    };
    body.get(at..)?;
    Some((basis, usize::try_from(size).ok()?, at))
}

/// Applies all deltas. A base may stand after what is built upon it, so that it may take several rounds.
fn resolve(
    mut entries: Vec<Entry>,
    format: ObjectFormat,
    budget: &mut Budget,
) -> Result<Vec<Object>, PackFault> {
    let starts: Vec<usize> = entries.iter().map(|entry| entry.place.start).collect();
    let mut resolved: Vec<Option<Object>> = entries.iter().map(|_| None).collect();
    let mut by_name = HashMap::with_capacity(entries.len());
    let mut left = entries.len();
    while left > 0 {
        let before = left;
        for (index, entry) in entries.iter_mut().enumerate() {
            if resolved[index].is_some() {
                continue;
            }
            let base = match entry.basis {
                Basis::Nothing(_) => None,
                Basis::At(start) => {
                    let base = starts.binary_search(&start);
                    Some(base.map_err(|_| PackFault::Malformed("a delta builds upon what is no object"))?)
                }
                Basis::Named(name) => match by_name.get(&name) {
                    Some(base) => Some(*base),
                    None => continue,
                },
            };
            let (kind, content) = match (entry.basis, base) {
                (Basis::Nothing(kind), _) => (kind, std::mem::take(&mut entry.content)),
                (_, Some(base)) => {
                    let Some(base) = &resolved[base] else { continue };
                    (base.kind, after_delta(&base.content, &entry.content, budget)?)
                }
                (_, None) => continue,
            };
            let name = name_of(kind, &content, format);
            by_name.insert(name, index);
            resolved[index] = Some(Object { name, kind, content, place: entry.place });
            left -= 1;
        }
        if left == before {
            return Err(PackFault::Malformed("a delta builds upon what is not in the pack"));
        }
    }
    Ok(resolved.into_iter().flatten().collect())
}

fn after_delta(base: &[u8], delta: &[u8], budget: &mut Budget) -> Result<Vec<u8>, PackFault> {
    const NO_DELTA: PackFault = PackFault::Malformed("a delta does not fit what it builds upon");
    budget.take(deltas::result_size(delta, base.len()).ok_or(NO_DELTA)?)?;
    deltas::apply(base, delta).ok_or(NO_DELTA)
}

#[cfg(test)]
#[path = "whole_pack_tests.rs"]
mod tests;
