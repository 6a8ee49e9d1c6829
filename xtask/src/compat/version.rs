//! The version of a contract: three numbers, of which the first is the promise.

use std::fmt;
use std::str::FromStr;

use anyhow::Context;

/// A version, ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// Whether this version may break what the other one promised.
    pub fn starts_new_promise_after(self, other: Version) -> bool {
        self.major > other.major
    }
}

impl FromStr for Version {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let numbers: Result<Vec<u32>, _> = text.split('.').map(str::parse).collect();
        let [major, minor, patch] = numbers.context("not a number")?[..] else {
            anyhow::bail!("not three numbers");
        };
        Ok(Version { major, minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}
