//! The name of an object: lower-case hex, as long as the repository's hash says.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The hash that names the objects of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectFormat {
    /// 40 hex digits.
    Sha1,
    /// 64 hex digits.
    Sha256,
}

impl ObjectFormat {
    /// The name `git` uses for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// The one that `git` calls so.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        [Self::Sha1, Self::Sha256].into_iter().find(|format| format.as_str().as_bytes() == name)
    }

    /// Number of hex digits in an object name.
    pub fn hex_len(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
        }
    }
}

impl fmt::Display for ObjectFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Longest object name, in hex digits.
const MAX_HEX_DIGITS: usize = 64;

/// A full object name in lower-case hex. All zeros stands for "no object".
///
/// The digits lie in the value itself: a large repository has hundreds of thousands of these.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectId {
    /// Zero bytes fill what the digits leave.
    digits: [u8; MAX_HEX_DIGITS],
    format: ObjectFormat,
}

/// One object to a line with a mark in front, as `git` reads them.
pub fn lines_of<'a>(mark: &'a str, objects: impl IntoIterator<Item = &'a ObjectId>) -> String {
    objects.into_iter().flat_map(|object| [mark, object.as_str(), "\n"]).collect()
}

/// A text that is not a full object name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not an object name of 40 or 64 lower-case hex digits")]
pub struct InvalidObjectId(String);

impl ObjectId {
    /// Accepts 40 or 64 lower-case hex digits and nothing else.
    pub fn parse(text: impl AsRef<str>) -> Result<Self, InvalidObjectId> {
        let text = text.as_ref();
        Self::from_hex(text.as_bytes()).ok_or_else(|| InvalidObjectId(text.chars().take(80).collect()))
    }

    /// Like [`ObjectId::parse`], for bytes that need not be text.
    pub fn from_hex(hex: &[u8]) -> Option<Self> {
        let format = match hex.len() {
            40 => ObjectFormat::Sha1,
            64 => ObjectFormat::Sha256,
            _ => return None,
        };
        let is_hex = hex.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| {
            let mut digits = [0; MAX_HEX_DIGITS];
            digits[..hex.len()].copy_from_slice(hex);
            Self { digits, format }
        })
    }

    /// The name with these bytes, 20 or 32 of them.
    pub fn from_raw(bytes: &[u8]) -> Option<Self> {
        Self::from_hex(hex::encode(bytes).as_bytes())
    }

    /// The name that stands for "no object" in a repository of this format.
    pub fn zero(format: ObjectFormat) -> Self {
        let mut digits = [0; MAX_HEX_DIGITS];
        digits[..format.hex_len()].fill(b'0');
        Self { digits, format }
    }

    /// Whether this stands for "no object".
    pub fn is_zero(&self) -> bool {
        self.as_bytes().iter().all(|byte| *byte == b'0')
    }

    /// Which hash made this name.
    pub fn format(&self) -> ObjectFormat {
        self.format
    }

    /// The hex digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("hex digits are text")
    }

    /// The hex digits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..self.format.hex_len()]
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectId({self})")
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ObjectId {
    type Err = InvalidObjectId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ObjectId {
    type Error = InvalidObjectId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(text)
    }
}

impl From<ObjectId> for String {
    fn from(id: ObjectId) -> Self {
        id.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_both_hashes_and_nothing_else() {
        assert_eq!(ObjectId::parse("a".repeat(40)).expect("sha1").format(), ObjectFormat::Sha1);
        assert_eq!(ObjectId::parse("a".repeat(64)).expect("sha256").format(), ObjectFormat::Sha256);
        for bad in ["", "abc", &"a".repeat(41), &"A".repeat(40), &"g".repeat(40), &"é".repeat(20)] {
            assert!(ObjectId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn zero_has_the_length_of_its_format() {
        assert_eq!(ObjectId::zero(ObjectFormat::Sha1).as_str().len(), 40);
        assert_eq!(ObjectId::zero(ObjectFormat::Sha256).as_str().len(), 64);
        assert!(ObjectId::zero(ObjectFormat::Sha256).is_zero());
        assert!(!ObjectId::parse("1".repeat(40)).expect("sha1").is_zero());
    }
}
