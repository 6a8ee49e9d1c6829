//! An object as packs have it: its kind, and the name that follows from kind and content.

use sha1::{Digest, Sha1};
use sha2::Sha256;

use crate::names::{ObjectFormat, ObjectId};

/// The longest hash, in bytes.
const MAX_HASH_BYTES: usize = 32;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// The name of an object, as bytes. Zeros fill what a shorter hash leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RawName([u8; MAX_HASH_BYTES]);

/// The length of a hash, in bytes.
pub(super) fn hash_bytes(format: ObjectFormat) -> usize {
    format.hex_len() / 2
}

/// The hash of these bytes, one part after the other.
pub(super) fn hash(parts: &[&[u8]], format: ObjectFormat) -> RawName {
    fn by<D: Digest>(parts: &[&[u8]]) -> RawName {
        let mut hasher = D::new();
        for part in parts {
            hasher.update(part);
        }
        RawName::of_bytes(hasher.finalize().as_slice())
    }
    match format {
        ObjectFormat::Sha1 => by::<Sha1>(parts),
        ObjectFormat::Sha256 => by::<Sha256>(parts),
    }
}

/// The name of an object.
pub(super) fn name_of(kind: ObjectKind, content: &[u8], format: ObjectFormat) -> RawName {
    let head = format!("{} {}\0", kind.as_str(), content.len());
    hash(&[head.as_bytes(), content], format)
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

    /// By its number in packs.
    pub fn numbered(number: u8) -> Option<Self> {
        [Self::Commit, Self::Tree, Self::Blob, Self::Tag].into_iter().find(|kind| kind.number() == number)
    }

    /// Its number in packs.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Commit => 1,
            Self::Tree => 2,
            Self::Blob => 3,
            Self::Tag => 4,
        }
    }
}

impl RawName {
    /// The name in these bytes, of which there are at most as many as the longest hash has.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        let mut name = [0; MAX_HASH_BYTES];
        let length = bytes.len().min(MAX_HASH_BYTES);
        name[..length].copy_from_slice(&bytes[..length]);
        Self(name)
    }

    pub(super) fn of(object: &ObjectId) -> Self {
        let bytes = hex::decode(object.as_bytes()).expect("an object name is hex");
        Self::of_bytes(&bytes)
    }

    /// The name in lower-case hex digits of this format.
    pub(super) fn of_hex(hex: &[u8], format: ObjectFormat) -> Option<Self> {
        ObjectId::from_hex(hex).filter(|object| object.format() == format).map(|object| Self::of(&object))
    }

    pub(super) fn object_id(self, format: ObjectFormat) -> ObjectId {
        ObjectId::from_raw(self.bytes(format)).expect("it is as long as a hash")
    }

    pub(super) fn bytes(&self, format: ObjectFormat) -> &[u8] {
        &self.0[..hash_bytes(format)]
    }

    /// By its first byte an index finds the others.
    pub(super) fn first_byte(&self) -> u8 {
        self.0[0]
    }

    pub(super) fn to_hex(self, format: ObjectFormat) -> String {
        hex::encode(self.bytes(format))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_git() {
        let of_nothing = [
            (ObjectKind::Blob, ObjectFormat::Sha1, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
            (ObjectKind::Tree, ObjectFormat::Sha1, "4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
            (
                ObjectKind::Blob,
                ObjectFormat::Sha256,
                "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
            ),
        ];
        for (kind, format, expected) in of_nothing {
            let name = name_of(kind, b"", format);
            assert_eq!(name.to_hex(format), expected);
            assert_eq!(RawName::of_hex(expected.as_bytes(), format), Some(name));
            assert_eq!(RawName::of_bytes(name.bytes(format)), name);
        }
        assert_eq!(RawName::of_hex(&[b'1'; 64], ObjectFormat::Sha1), None);
    }
}
