//! One value that says whether two repositories hold the same references.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// SHA-256, in hex, of what `git for-each-ref --format='%(objectname) %(refname)'` prints, without our internal
/// namespace. An operator can recompute it with one shell line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash(String);

/// A text that is not 64 lower-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a content hash of 64 lower-case hex digits")]
pub struct InvalidContentHash(String);

impl ContentHash {
    /// Reads a hash that was written by [`ContentHash::as_str`].
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidContentHash> {
        let text = text.into();
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == 64 && is_hex {
            Ok(Self(text))
        } else {
            Err(InvalidContentHash(text.chars().take(80).collect()))
        }
    }

    /// The hash of a repository without references.
    pub fn of_nothing() -> Self {
        ContentHasher::default().finish()
    }

    /// The 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Takes references in name order and becomes a [`ContentHash`].
#[derive(Clone, Default)]
pub(crate) struct ContentHasher(Sha256);

impl ContentHasher {
    /// Takes the next references, each a line of the name of its object, a blank, its own name and a line break. Bytes,
    /// because a name need not be UTF-8 to count.
    pub(crate) fn lines(&mut self, lines: &[u8]) {
        self.0.update(lines);
    }

    /// The hash of all that was taken.
    pub(crate) fn finish(self) -> ContentHash {
        ContentHash(hex::encode(self.0.finalize()))
    }
}

impl fmt::Debug for ContentHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentHasher")
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ContentHash {
    type Err = InvalidContentHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ContentHash {
    type Error = InvalidContentHash;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(text)
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.0
    }
}

impl AsRef<str> for ContentHash {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_nothing_is_the_hash_of_no_bytes() {
        let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(ContentHash::of_nothing().as_str(), expected);
        assert_eq!(ContentHash::parse(expected), Ok(ContentHash::of_nothing()));
    }

    #[test]
    fn order_and_separators_count_and_not_how_much_comes_at_once() {
        let hash = |pieces: &[&str]| {
            let mut hasher = ContentHasher::default();
            pieces.iter().for_each(|piece| hasher.lines(piece.as_bytes()));
            hasher.finish()
        };
        assert_eq!(hash(&["a x\n", "b y\n"]), hash(&["a x\nb y\n"]));
        assert_ne!(hash(&["a x\n", "b y\n"]), hash(&["b y\n", "a x\n"]));
        assert_ne!(hash(&["ab x\n"]), hash(&["a bx\n"]));
    }

    #[test]
    fn refuses_other_texts() {
        for bad in ["", "abc", &"A".repeat(64), &"0".repeat(63)] {
            assert!(ContentHash::parse(bad).is_err(), "{bad:?}");
        }
    }
}
