//! A small pack, read in memory: what each entry is, before any delta is resolved.

use thiserror::Error;

use super::content::digest;
use super::inflate::inflate;
use crate::names::{ObjectFormat, ObjectId};

/// `PACK`, version 2.
const PACK_START: &[u8] = b"PACK\0\0\0\x02";

/// The length of what stands before the first entry: the start, and how many there are.
const HEAD_BYTES: usize = 12;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A commit.
    Commit,
    /// A list of names.
    Tree,
    /// The content of a file.
    Blob,
    /// An annotated tag.
    Tag,
}

impl ObjectKind {
    /// As `git` calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }

    /// The kind that `git` calls so.
    pub fn named(name: &[u8]) -> Option<Self> {
        [Self::Commit, Self::Tree, Self::Blob, Self::Tag]
            .into_iter()
            .find(|kind| kind.as_str().as_bytes() == name)
    }

    /// The kind with this number in packs.
    pub fn numbered(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Commit),
            2 => Some(Self::Tree),
            3 => Some(Self::Blob),
            4 => Some(Self::Tag),
            _ => None,
        }
    }
}

/// What an entry of a pack holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackedObject {
    /// An object of this kind.
    Whole(ObjectKind),
    /// The difference from the entry that begins at this place of the pack.
    DeltaFromPlace(usize),
    /// The difference from this object, which may be in no pack of ours.
    DeltaFrom(ObjectId),
}

/// An entry of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackEntry {
    /// Where in the pack it begins.
    pub place: usize,
    /// What it is.
    pub object: PackedObject,
    /// The content of the object, or the delta.
    pub data: Vec<u8>,
}

/// Why something is no pack that can be read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the pack {0}")]
pub struct InvalidPack(&'static str);

/// The entries of a pack, which together take no more memory than `room`.
pub fn read_pack(pack: &[u8], format: ObjectFormat, mut room: usize) -> Result<Vec<PackEntry>, InvalidPack> {
    let checksum_at = pack.len().checked_sub(format.hex_len() / 2).filter(|place| *place >= HEAD_BYTES);
    let (content, checksum) = pack.split_at(checksum_at.ok_or(InvalidPack("is cut off"))?);
    if !content.starts_with(PACK_START) {
        return Err(InvalidPack("has another version than 2"));
    }
    if digest(format, &[content]) != checksum {
        return Err(InvalidPack("has another checksum than it says"));
    }
    let count = u32::from_be_bytes(content[PACK_START.len()..HEAD_BYTES].try_into().expect("four bytes"));
    let mut entries = Vec::new();
    let mut place = HEAD_BYTES;
    for _ in 0..count {
        let (entry, end) = read_entry(content, place, format, room)?;
        room = room.saturating_sub(entry.data.len() + size_of::<PackEntry>());
        place = end;
        entries.push(entry);
    }
    if place == content.len() { Ok(entries) } else { Err(InvalidPack("goes on after its last entry")) }
}

fn read_entry(
    content: &[u8],
    place: usize,
    format: ObjectFormat,
    room: usize,
) -> Result<(PackEntry, usize), InvalidPack> {
    const CUT_OFF: InvalidPack = InvalidPack("ends in the middle of an entry");
    let byte_at = |at: usize| content.get(at).copied().ok_or(CUT_OFF);
    let mut at = place;
    let mut byte = byte_at(at)?;
    at += 1;
    let number = (byte >> 4) & 7;
    let (mut length, mut shift) = (usize::from(byte & 0xf), 4);
    while byte & 0x80 != 0 {
        byte = byte_at(at)?;
        at += 1;
        if shift > usize::BITS - 8 {
            return Err(InvalidPack("has an entry of impossible length"));
        }
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
    }
    let object = match number {
        6 => {
            byte = byte_at(at)?;
            at += 1;
            let mut distance = usize::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = byte_at(at)?;
                at += 1;
                if distance > content.len() {
                    break;
                }
                distance = ((distance + 1) << 7) | usize::from(byte & 0x7f);
            }
            let base = place.checked_sub(distance).filter(|base| *base >= HEAD_BYTES && *base < place);
            PackedObject::DeltaFromPlace(base.ok_or(InvalidPack("has a delta from outside of it"))?)
        }
        7 => {
            let end = at + format.hex_len() / 2;
            let name = content.get(at..end).and_then(ObjectId::from_raw).ok_or(CUT_OFF)?;
            at = end;
            PackedObject::DeltaFrom(name)
        }
        _ => {
            let kind = ObjectKind::numbered(number);
            PackedObject::Whole(kind.ok_or(InvalidPack("has an entry of an unknown kind"))?)
        }
    };
    if length > room {
        return Err(InvalidPack("holds more than there is room for"));
    }
    let (data, taken) =
        inflate(&content[at..], length).ok_or(InvalidPack("has an entry that cannot be unpacked"))?;
    Ok((PackEntry { place, object, data }, at + taken))
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    fn deflated(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(data.len() + 100);
        let mut stream = Compress::new(Compression::fast(), true);
        stream.compress_vec(data, &mut out, FlushCompress::Finish).expect("compressed");
        out
    }

    fn pack(entries: &[Vec<u8>]) -> Vec<u8> {
        let count = u32::try_from(entries.len()).expect("few").to_be_bytes();
        let content = [PACK_START, &count[..], &entries.concat()].concat();
        let checksum = digest(ObjectFormat::Sha1, &[&content]);
        [content, checksum].concat()
    }

    fn entry(number: u8, length: u8, head: &[u8], data: &[u8]) -> Vec<u8> {
        [&[(number << 4) | length][..], head, &deflated(data)].concat()
    }

    #[test]
    fn entries_of_all_kinds_are_read() {
        let blob = entry(3, 5, &[], b"hello");
        let blob_bytes = u8::try_from(blob.len()).expect("short");
        let near = entry(6, 4, &[blob_bytes], b"near");
        let far = entry(7, 3, &[0x11; 20], b"far");
        let read = read_pack(&pack(&[blob, near, far]), ObjectFormat::Sha1, 10_000).expect("a pack");
        let objects: Vec<_> = read.iter().map(|entry| (entry.object.clone(), &entry.data[..])).collect();
        let far = ObjectId::parse("11".repeat(20)).expect("a name");
        let expected = [
            (PackedObject::Whole(ObjectKind::Blob), &b"hello"[..]),
            (PackedObject::DeltaFromPlace(HEAD_BYTES), b"near"),
            (PackedObject::DeltaFrom(far), b"far"),
        ];
        assert_eq!(objects, expected);
    }

    #[test]
    fn what_is_damaged_or_too_much_is_refused() {
        let whole = pack(&[entry(3, 5, &[], b"hello")]);
        let read = |bytes: &[u8], room| read_pack(bytes, ObjectFormat::Sha1, room).err();
        assert_eq!(read(&whole, 4), Some(InvalidPack("holds more than there is room for")));
        for end in 0..whole.len() {
            assert!(read(&whole[..end], 10_000).is_some(), "{end} bytes of it");
        }
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            assert!(read(&damaged, 10_000).is_some(), "damaged at {place}");
        }
        assert!(read(&pack(&[entry(6, 4, &[100], b"near")]), 10_000).is_some(), "from outside");
        assert!(read(&pack(&[entry(5, 5, &[], b"hello")]), 10_000).is_some(), "unknown kind");
        assert!(read(&pack(&[entry(3, 4, &[], b"hello")]), 10_000).is_some(), "longer than it says");
        assert!(read(&pack(&[entry(3, 6, &[], b"hello")]), 10_000).is_some(), "shorter than it says");
    }
}
