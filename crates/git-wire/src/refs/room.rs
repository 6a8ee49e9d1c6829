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
        let sizes = present.runs().sizes();
        Self::beside_so_many(sizes.refs, sizes.name_bytes)
    }

    /// For so many references, however long their names are.
    #[cfg(any(test, feature = "testing"))]
    pub fn of(refs: usize) -> Self {
        Self { refs, ..Self::default() }
    }

    fn beside_so_many(refs: usize, name_bytes: usize) -> Self {
        let room = Self::default();
        let taken = name_bytes.saturating_add(refs.saturating_mul(BYTES_BESIDE_NAME));
        Self { refs: room.refs.saturating_sub(refs), bytes: room.bytes.saturating_sub(taken) }
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
        let full = RefRoom::beside_so_many(MAX_LISTED_REFS, 0);
        assert!(full.holds(0, 0), "what is there may still move and go");
        assert!(!full.holds(1, 1));
    }
}
