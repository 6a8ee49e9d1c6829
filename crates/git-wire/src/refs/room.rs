//! How many references a repository may have: as many as those who follow it can read.

use crate::refs::RefSnapshot;

/// Most references that a list may have.
pub const MAX_LISTED_REFS: usize = 8_000_000;

/// The longest list of references, in bytes: that of some millions of them.
pub const MAX_REF_LIST_BYTES: usize = 512 * 1024 * 1024;

/// What a line of a list has besides a name: its length, an object of the longer hash, a blank and a line break.
const BYTES_BESIDE_NAME: usize = 4 + 64 + 2;

/// What may come to a list of references. By default it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefRoom {
    refs: usize,
    bytes: usize,
}

impl Default for RefRoom {
    fn default() -> Self {
        Self { refs: MAX_LISTED_REFS, bytes: MAX_REF_LIST_BYTES }
    }
}

impl RefRoom {
    /// What may come to these.
    pub fn beside(present: &RefSnapshot) -> Self {
        Self::beside_so_many(present.all().map(|(name, _)| name.len()))
    }

    /// For so many references, however long their names are.
    #[cfg(any(test, feature = "testing"))]
    pub fn of(refs: usize) -> Self {
        Self { refs, ..Self::default() }
    }

    fn beside_so_many(lengths: impl Iterator<Item = usize>) -> Self {
        lengths.fold(Self::default(), |room, length| Self {
            refs: room.refs.saturating_sub(1),
            bytes: room.bytes.saturating_sub(length + BYTES_BESIDE_NAME),
        })
    }

    /// Whether so many references with names of so many bytes may come.
    pub fn holds(self, refs: usize, name_bytes: usize) -> bool {
        refs == 0 || (refs <= self.refs && refs * BYTES_BESIDE_NAME + name_bytes <= self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_the_number_and_the_length_are_bounded() {
        let empty = RefRoom::beside(&RefSnapshot::empty());
        assert!(empty.holds(MAX_LISTED_REFS / 2, MAX_LISTED_REFS * 20));
        assert!(!empty.holds(MAX_LISTED_REFS + 1, 0));
        assert!(!empty.holds(MAX_LISTED_REFS / 2, MAX_REF_LIST_BYTES));
        let full = RefRoom::beside_so_many(std::iter::repeat_n(0, MAX_LISTED_REFS));
        assert!(full.holds(0, 0), "what is there may still move and go");
        assert!(!full.holds(1, 1));
    }
}
