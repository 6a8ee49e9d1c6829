//! When what was written is on the disk: before anybody is told, or whenever the system gets to it.
//!
//! Git leaves loose objects and references to the system unless told otherwise. It never syncs folders, so whoever
//! answers for a change does that: see [`crate::Repository::make_durable`].

use std::io;
use std::path::Path;
use std::str::FromStr;

use thiserror::Error;

/// What a power failure may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Nothing that was acknowledged.
    Strict,
    /// What was written within the last half minute or so. For what can be fetched again.
    #[default]
    Relaxed,
}

/// A text that names no durability.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is neither strict nor relaxed")]
pub struct InvalidDurability(String);

/// What git syncs. It does so before it renames a file into its place.
const STRICT: (&str, &str) = ("core.fsync", "objects,derived-metadata,reference");

/// A file system on which one flush at the end of a push is as good as one for each object: all that was handed to the
/// disk before is ordered by one journal.
const EXT4: rustix::fs::FsWord = 0xEF53;
const XFS: rustix::fs::FsWord = 0x5846_5342;

impl Durability {
    /// As an option says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Relaxed => "relaxed",
        }
    }

    /// What `git` is told so that it syncs what it writes below this folder.
    pub(crate) fn settings(self, folder: &Path) -> Vec<(String, String)> {
        if self == Self::Relaxed {
            return Vec::new();
        }
        let method = if has_one_journal(folder).unwrap_or(false) { "batch" } else { "fsync" };
        [STRICT, ("core.fsyncMethod", method)].map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
    }
}

impl FromStr for Durability {
    type Err = InvalidDurability;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Strict, Self::Relaxed]
            .into_iter()
            .find(|durability| durability.as_str() == text)
            .ok_or_else(|| InvalidDurability(text.to_owned()))
    }
}

fn has_one_journal(folder: &Path) -> io::Result<bool> {
    Ok([EXT4, XFS].contains(&rustix::fs::statfs(folder)?.f_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_they_are_written() {
        for durability in [Durability::Strict, Durability::Relaxed] {
            assert_eq!(durability.as_str().parse(), Ok(durability));
        }
        let refused = "Strict".parse::<Durability>().expect_err("a capital letter");
        assert_eq!(refused.to_string(), "\"Strict\" is neither strict nor relaxed");
    }

    #[test]
    fn git_is_told_what_to_sync_and_one_flush_is_enough_only_where_that_is_known() {
        assert!(Durability::Relaxed.settings(Path::new("/")).is_empty());
        let on_proc = Durability::Strict.settings(Path::new("/proc"));
        let expected = [STRICT, ("core.fsyncMethod", "fsync")];
        assert_eq!(on_proc, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(Durability::Strict.settings(Path::new("/nonexistent")), on_proc);
    }
}
