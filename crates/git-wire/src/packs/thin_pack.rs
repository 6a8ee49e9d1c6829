//! A pack that leaves out what its receiver has: its entries as they stand in it. Where their bases are is for the receiver
//! to know.

use crate::names::{ObjectFormat, ObjectId};
use crate::packs::deltas;
use crate::packs::objects::ObjectKind;
use crate::packs::whole_pack::{Basis, Budget, Entry, PackFault, read_whole};

/// What an entry of a pack holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackedObject {
    /// An object of this kind.
    Whole(ObjectKind),
    /// The difference from the entry that begins at this place of the pack.
    DeltaFromPlace(usize),
    /// The difference from this object, which need not be in the pack.
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

/// The entries of a pack, which together take no more memory than this.
pub fn read_pack(pack: &[u8], format: ObjectFormat, max_bytes: usize) -> Result<Vec<PackEntry>, PackFault> {
    let entries = read_whole(pack, format, &mut Budget(max_bytes))?;
    Ok(entries.into_iter().map(|entry| packed(entry, format)).collect())
}

fn packed(entry: Entry, format: ObjectFormat) -> PackEntry {
    let object = match entry.basis {
        Basis::Nothing(kind) => PackedObject::Whole(kind),
        Basis::At(place) => PackedObject::DeltaFromPlace(place),
        Basis::Named(name) => PackedObject::DeltaFrom(name.object_id(format)),
    };
    PackEntry { place: entry.place.start, object, data: entry.content }
}

/// What `delta` makes of `base`; `None` if it was not made for this one, is damaged, or leads to more bytes than this.
pub fn apply_delta(base: &[u8], delta: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    deltas::result_size(delta, base.len()).filter(|size| *size <= max_bytes)?;
    deltas::apply(base, delta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packs::objects::hash;
    use crate::packs::zlib::Deflater;

    fn entry(number: u8, length: u8, head: &[u8], content: &[u8]) -> Vec<u8> {
        let mut entry = [&[(number << 4) | length][..], head].concat();
        Deflater::new().append(content, &mut entry);
        entry
    }

    fn pack(entries: &[Vec<u8>]) -> Vec<u8> {
        let count = u32::try_from(entries.len()).expect("few").to_be_bytes();
        let body = [&b"PACK\0\0\0\x02"[..], &count, &entries.concat()].concat();
        let checksum = hash(&[&body[..]], ObjectFormat::Sha1);
        [&body[..], checksum.bytes(ObjectFormat::Sha1)].concat()
    }

    #[test]
    fn entries_of_all_kinds_are_read_within_the_memory_there_is() {
        let blob = entry(3, 5, &[], b"hello");
        let blob_bytes = u8::try_from(blob.len()).expect("short");
        let near = entry(6, 4, &[blob_bytes], b"near");
        let far = entry(7, 3, &[0x11; 20], b"far");
        let pack = pack(&[blob, near, far]);
        let read = read_pack(&pack, ObjectFormat::Sha1, 12).expect("a pack");
        let objects: Vec<_> = read.iter().map(|entry| (entry.object.clone(), &entry.data[..])).collect();
        let far = ObjectId::parse("11".repeat(20)).expect("a name");
        let expected = [
            (PackedObject::Whole(ObjectKind::Blob), &b"hello"[..]),
            (PackedObject::DeltaFromPlace(read[0].place), b"near"),
            (PackedObject::DeltaFrom(far), b"far"),
        ];
        assert_eq!(objects, expected);
        assert_eq!(read_pack(&pack, ObjectFormat::Sha1, 11), Err(PackFault::TooLarge));
    }

    #[test]
    fn a_delta_makes_no_more_than_there_is_room_for() {
        let (base, copy_all) = (b"0123456789", [10, 10, 0x90, 10]);
        assert_eq!(apply_delta(base, &copy_all, 10).as_deref(), Some(&base[..]));
        assert_eq!(apply_delta(base, &copy_all, 9), None);
        assert_eq!(apply_delta(&base[1..], &copy_all, 10), None, "of another base");
    }
}
