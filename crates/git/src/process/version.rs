//! Which `git` we talk to, and the oldest one that does all we ask.

use std::fmt;

/// The oldest `git` that understands every option this crate passes.
pub const MINIMUM_GIT_VERSION: GitVersion = GitVersion::new(2, 39, 0);

/// A version of the `git` executable, ordered as releases are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitVersion {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number; 0 when the executable does not say.
    pub patch: u32,
}

impl GitVersion {
    /// The version with these three numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Reads the output of `git version`, with or without what vendors append to it.
    pub fn parse(output: &str) -> Option<Self> {
        Self::of_words(output.trim().strip_prefix("git version ")?)
    }

    /// Reads what a client that is git says of itself, as in `git/2.39.5 (Apple Git-154)`.
    pub fn of_agent(agent: &str) -> Option<Self> {
        Self::of_words(agent.strip_prefix("git/")?)
    }

    fn of_words(words: &str) -> Option<Self> {
        let word = words.split_whitespace().next()?;
        let mut numbers = word.split(['.', '-']);
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        let patch = numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
        Some(Self::new(major, minor, patch))
    }
}

impl fmt::Display for GitVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_vendors_print() {
        let cases = [
            ("git version 2.39.5\n", Some((2, 39, 5))),
            ("git version 2.39.5 (Apple Git-154)", Some((2, 39, 5))),
            ("git version 2.47.0.windows.1", Some((2, 47, 0))),
            ("git version 2.48.0-rc1", Some((2, 48, 0))),
            ("git version 2.50.GIT", Some((2, 50, 0))),
            ("git version 3", None),
            ("hub version 2.1.0", None),
            ("", None),
        ];
        for (output, expected) in cases {
            let expected = expected.map(|(major, minor, patch)| GitVersion::new(major, minor, patch));
            assert_eq!(GitVersion::parse(output), expected, "{output:?}");
        }
    }

    #[test]
    fn is_ordered_by_number_and_not_by_text() {
        assert!(GitVersion::new(2, 9, 0) < MINIMUM_GIT_VERSION);
        assert!(GitVersion::new(2, 100, 0) > MINIMUM_GIT_VERSION);
        assert_eq!(MINIMUM_GIT_VERSION.to_string(), "2.39.0");
    }
}
