//! A full reference name that `git` would accept, decided without asking `git`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// References that are ours: never advertised, never counted in a content hash, never overwritten by a fetch.
pub const INTERNAL_NAMESPACE: &str = "refs/heliostat/";

/// Longer names cannot be stored as files on any system we run on.
const MAX_REF_NAME_BYTES: usize = 4096;

/// Longest name that is created here; the path of the repository comes before it in the path of a file.
const MAX_FILE_REF_NAME_BYTES: usize = 1024;

/// Longest part between two slashes that is created here: a file's name has at most 255 bytes, with `.lock` at its end.
const MAX_FILE_PART_BYTES: usize = 250;

/// A valid full name below `refs/`, such as `refs/heads/main`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RefName(String);

/// A name that `git` would refuse, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name:?} is not a reference name: {reason}")]
pub struct InvalidRefName {
    name: String,
    reason: &'static str,
}

impl RefName {
    /// Accepts what `git check-ref-format` accepts and starts with `refs/`.
    pub fn parse(name: impl Into<String>) -> Result<Self, InvalidRefName> {
        let name = name.into();
        let is_too_long = name.len() > MAX_REF_NAME_BYTES;
        match is_too_long.then_some("it is too long").or_else(|| fault_of(name.as_bytes())) {
            None => Ok(Self(name)),
            Some(reason) => Err(InvalidRefName { name: name.chars().take(200).collect(), reason }),
        }
    }

    /// The name of a reference that exists; the bytes again when they are no text or too long to be handled.
    /// `git` has accepted the name.
    pub fn from_stored(name: Vec<u8>) -> Result<Self, Vec<u8>> {
        if name.len() > MAX_REF_NAME_BYTES {
            return Err(name);
        }
        String::from_utf8(name).map(Self).map_err(std::string::FromUtf8Error::into_bytes)
    }

    /// The branch with this short name, with the extra rules `git branch` has for names people type.
    pub fn branch(short_name: &str) -> Result<Self, InvalidRefName> {
        if short_name.starts_with('-') || short_name == "HEAD" {
            let reason = "a branch cannot be called HEAD or start with '-'";
            return Err(InvalidRefName { name: short_name.to_owned(), reason });
        }
        Self::parse(format!("refs/heads/{short_name}"))
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name people say: without `refs/heads/`, `refs/tags/`, or else without `refs/`.
    pub fn short(&self) -> &str {
        ["refs/heads/", "refs/tags/", "refs/"]
            .iter()
            .find_map(|prefix| self.0.strip_prefix(prefix))
            .unwrap_or(&self.0)
    }

    /// Whether this is below `refs/heads/`.
    pub fn is_branch(&self) -> bool {
        self.0.starts_with("refs/heads/")
    }

    /// Whether this is below `refs/tags/`.
    pub fn is_tag(&self) -> bool {
        self.0.starts_with("refs/tags/")
    }

    /// Whether this is below [`INTERNAL_NAMESPACE`].
    pub fn is_internal(&self) -> bool {
        self.0.starts_with(INTERNAL_NAMESPACE)
    }

    /// Whether a reference of this name can be created: git writes it, and its lock, into a file of that name.
    pub fn fits_a_file(&self) -> bool {
        self.0.len() <= MAX_FILE_REF_NAME_BYTES
            && self.0.split('/').all(|part| part.len() <= MAX_FILE_PART_BYTES)
    }
}

/// What makes `git` refuse a name, text or not; `None` when it accepts it.
pub fn fault_of(name: &[u8]) -> Option<&'static str> {
    let Some(path) = name.strip_prefix(b"refs/") else {
        return Some("it does not start with refs/");
    };
    let mut before = b'/';
    for byte in path {
        match (before, byte) {
            (_, 0..0x20 | 0x7f | b' ' | b'~' | b'^' | b':') => {
                return Some("it holds a space, a control character, '~', '^' or ':'");
            }
            (_, b'?' | b'*' | b'[' | b'\\') => return Some("it holds '?', '*', '[' or a backslash"),
            (b'.', b'.') | (b'@', b'{') => return Some("it holds '..' or '@{'"),
            (b'/', b'/') => return Some("a part of it is empty"),
            (b'/', b'.') => return Some("a part of it starts with a dot"),
            _ => before = *byte,
        }
    }
    match before {
        b'/' => Some("a part of it is empty"),
        b'.' => Some("it ends with a dot"),
        _ if path.split(|byte| *byte == b'/').any(|part| part.ends_with(b".lock")) => {
            Some("a part of it ends with .lock")
        }
        _ => None,
    }
}

impl fmt::Display for RefName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RefName {
    type Err = InvalidRefName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::parse(name)
    }
}

impl TryFrom<String> for RefName {
    type Error = InvalidRefName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(name)
    }
}

impl From<RefName> for String {
    fn from(name: RefName) -> Self {
        name.0
    }
}

impl AsRef<str> for RefName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &[
        "refs/heads/main",
        "refs/heads/feature/a.b-c_d",
        "refs/heads/ü",
        "refs/heads/@",
        "refs/heads/a@b",
        "refs/heads/{}",
        "refs/stash",
        "refs/heads/\"quoted\"",
        "refs/heads/-dash",
        "refs/heads/a.lockx",
        "refs/heads/.a",
        "refs/heads/a/.b",
        "refs/heads/a.lock",
        "refs/heads/a.lock/b",
        "refs/heads/a..b",
        "refs/heads/a b",
        "refs/heads/a~b",
        "refs/heads/a^b",
        "refs/heads/a:b",
        "refs/heads/a?b",
        "refs/heads/a*b",
        "refs/heads/a[b",
        "refs/heads/a\\b",
        "refs/heads/a\x7fb",
        "refs/heads/a\tb",
        "refs/heads//a",
        "refs/heads/a/",
        "refs/heads/a.",
        "refs/heads/a@{b",
        "refs/heads/a./b",
    ];

    #[test]
    #[expect(clippy::disallowed_methods, reason = "git itself is the referee")]
    fn agrees_with_git() {
        for name in NAMES {
            let by_git = std::process::Command::new("git")
                .args(["check-ref-format", name])
                .status()
                .expect("git runs")
                .success();
            assert_eq!(RefName::parse(*name).is_ok(), by_git, "{name:?}");
        }
    }

    #[test]
    fn must_be_a_full_name() {
        for name in ["", "HEAD", "main", "heads/main", "refs/", "refs", "/refs/heads/main"] {
            assert!(RefName::parse(name).is_err(), "{name:?}");
        }
        assert!(RefName::branch("-f").is_err());
        assert!(RefName::branch("HEAD").is_err());
        assert!(RefName::parse(format!("refs/heads/{}", "a".repeat(MAX_REF_NAME_BYTES))).is_err());
    }

    #[test]
    fn knows_what_it_names() {
        let branch = RefName::branch("feature/x").expect("valid");
        let tag = RefName::parse("refs/tags/v1").expect("valid");
        let note = RefName::parse("refs/notes/commits").expect("valid");
        assert_eq!((branch.short(), branch.is_branch(), branch.is_tag()), ("feature/x", true, false));
        assert_eq!((tag.short(), tag.is_branch(), tag.is_tag()), ("v1", false, true));
        assert_eq!(note.short(), "notes/commits");
        assert!(RefName::parse("refs/heliostat/incoming/1").expect("valid").is_internal());
    }
}
