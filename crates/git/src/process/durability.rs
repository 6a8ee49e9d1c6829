//! When what was written is on the disk: before it is acknowledged, or whenever the system gets to it.
//!
//! Git leaves loose objects and references to the system unless told otherwise. It never syncs folders, so the code
//! that answers for a change does that: see [`crate::Repository::make_durable`].

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;

use rustix::fs::{major, minor};
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

/// ext4, and its forerunners.
const EXT4: rustix::fs::FsWord = 0xEF53;
const XFS: rustix::fs::FsWord = 0x5846_5342;
/// Where Linux lists the journals of ext4, by the device and the file that they are in.
const JOURNALS: &str = "/proc/fs/jbd2";
/// Where Linux names devices by their numbers.
const DEVICES: &str = "/sys/dev/block";

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

/// Whether one flush at the end of a push is as good as one for each object: all that was handed to the disk before is
/// ordered by one journal.
fn has_one_journal(folder: &Path) -> io::Result<bool> {
    match rustix::fs::statfs(folder)?.f_type {
        XFS => Ok(true),
        // It can be made without one, and its oldest forerunner has none.
        EXT4 => is_listed_with_a_journal(folder),
        _ => Ok(false),
    }
}

fn is_listed_with_a_journal(folder: &Path) -> io::Result<bool> {
    let device = std::fs::metadata(folder)?.dev();
    let place = std::fs::read_link(format!("{DEVICES}/{}:{}", major(device), minor(device)))?;
    let Some(name) = place.file_name() else { return Ok(false) };
    let beginning = [name.as_encoded_bytes(), b"-"].concat();
    let mut journals = std::fs::read_dir(JOURNALS)?;
    Ok(journals.any(|journal| {
        journal.is_ok_and(|found| found.file_name().as_encoded_bytes().starts_with(&beginning))
    }))
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
        // Whatever there is on this machine: one without a device has no journal.
        assert!(!is_listed_with_a_journal(Path::new("/proc")).unwrap_or(false));
    }
}
