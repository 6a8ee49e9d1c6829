//! The version that an upstream tells its clients.
//!
//! Some clients of Bitbucket ask for it and offer mirrors only from a certain version on. Heliostat's own version says
//! nothing about that, so operators with such clients choose what they are told.

use std::fmt;
use std::str::FromStr;

/// The most that a part of a version may be: the build number keeps three digits for it.
const MAX_PART: u64 = 999;

/// Major, minor and patch version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportedVersion {
    major: u64,
    minor: u64,
    patch: u64,
}

/// A text that is not a version.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is not a version: give three numbers of at most {MAX_PART}, as in 8.19.0")]
pub struct InvalidVersion {
    text: String,
}

impl ReportedVersion {
    /// The version of Heliostat itself.
    pub fn own() -> Self {
        let part = |text: &str| text.parse().unwrap_or(0);
        ReportedVersion {
            major: part(env!("CARGO_PKG_VERSION_MAJOR")),
            minor: part(env!("CARGO_PKG_VERSION_MINOR")),
            patch: part(env!("CARGO_PKG_VERSION_PATCH")),
        }
    }

    /// A number that grows with the version: three digits for each of its parts.
    pub fn build_number(self) -> u64 {
        (self.major * (MAX_PART + 1) + self.minor) * (MAX_PART + 1) + self.patch
    }
}

impl FromStr for ReportedVersion {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidVersion { text: text.to_owned() };
        let part = |text: &str| text.parse().ok().filter(|part| *part <= MAX_PART);
        let parts: Option<Vec<u64>> = text.trim().split('.').map(part).collect();
        match parts.as_deref() {
            Some(&[major, minor, patch]) => Ok(ReportedVersion { major, minor, patch }),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for ReportedVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_make_a_version() {
        let version: ReportedVersion = "8.19.4".parse().expect("a version");
        assert_eq!((version.to_string().as_str(), version.build_number()), ("8.19.4", 8_019_004));
        assert_eq!(ReportedVersion::own().to_string(), env!("CARGO_PKG_VERSION"));
        for text in ["", "8", "8.19", "8.19.0.1", "8.x.0", "8.-1.0", "8.1000.0", "v8.19.0"] {
            let error = text.parse::<ReportedVersion>().expect_err("not a version");
            assert!(error.to_string().starts_with(&format!("{text:?} is not a version")), "{error}");
        }
    }
}
