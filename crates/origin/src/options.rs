//! What an operator decides about a mirror of another Git server.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use heliostat_foreign::RepositoryPath;
use heliostat_git_serve::ServingOptions;
use heliostat_peer::Clock;
use thiserror::Error;

/// Repositories that may be here, unless set otherwise.
pub const DEFAULT_MAX_REPOSITORIES: usize = 10_000;
/// How old the origin's word may be for the requests that follow the first one of a git command, unless set otherwise.
pub const DEFAULT_VERDICT_LIFETIME: Duration = Duration::from_secs(5);
/// How long known readers are served while the origin does not answer, unless set otherwise.
pub const DEFAULT_SERVE_STALE: Duration = Duration::from_hours(1);
/// Readers of whom is kept on the disk what they were shown, unless set otherwise.
const DEFAULT_MAX_KEPT_READERS: u64 = 200_000;
/// Longest pattern of paths.
const MAX_PATTERN_BYTES: usize = 1024;

/// The settings of a mirror of another Git server.
#[derive(Debug, Clone)]
pub struct OriginOptions {
    /// The folder for repositories, and for the key of what is remembered of readers.
    pub data: PathBuf,
    /// Which repositories are served; all if there are no patterns.
    pub only: Vec<PathPattern>,
    /// Whether the origin has one repository at each path and at the same one with `.git` at its end, as its operator says.
    pub optional_git_suffix: bool,
    /// Most repositories that are here; the one that was used longest ago makes room.
    pub max_repositories: usize,
    /// Most bytes that they take on the disk; those that were used longest ago make room. Without a limit, the disk is one.
    pub max_disk_bytes: Option<u64>,
    /// How old the origin's word may be where a request follows another one of the same git command. The first one asks anew
    /// each time.
    pub verdict_lifetime: Duration,
    /// How long known readers are served while the origin does not answer.
    pub serve_stale: Duration,
    /// Most readers of whom is kept on the disk what they were shown; those go first to whom something was shown longest ago.
    pub max_kept_readers: u64,
    /// How long a repository that made room, or was damaged, lies in the trash: the origin has all that was in it.
    pub trash_time: Duration,
    /// What answers readers.
    pub serving: ServingOptions,
    /// What time it is.
    pub clock: Clock,
}

impl OriginOptions {
    /// Options with every default filled in.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            only: Vec::new(),
            optional_git_suffix: false,
            max_repositories: DEFAULT_MAX_REPOSITORIES,
            max_disk_bytes: None,
            verdict_lifetime: DEFAULT_VERDICT_LIFETIME,
            serve_stale: DEFAULT_SERVE_STALE,
            max_kept_readers: DEFAULT_MAX_KEPT_READERS,
            trash_time: Duration::ZERO,
            serving: ServingOptions::default(),
            clock: Clock::system(),
        }
    }

    /// Whether the repository at this path is served.
    pub fn serves(&self, path: &RepositoryPath) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| pattern.matches(path))
    }
}

/// A pattern of paths such as `acme/*`: an asterisk stands for any characters, slashes among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(String);

/// A pattern that matches nothing, or is too long.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no pattern of repositories such as acme/* or acme/tool")]
pub struct InvalidPathPattern(String);

impl PathPattern {
    /// Whether a repository is among those meant. That its path ends with `.git` makes no difference.
    pub fn matches(&self, path: &RepositoryPath) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = path.bare().strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            match rest.find(part) {
                Some(index) => rest = &rest[index + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl FromStr for PathPattern {
    type Err = InvalidPathPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pattern = text.trim().trim_start_matches('/');
        let pattern = pattern.strip_suffix(".git").unwrap_or(pattern);
        if pattern.is_empty() || pattern.len() > MAX_PATTERN_BYTES || pattern.contains(char::is_control) {
            return Err(InvalidPathPattern(text.chars().take(200).collect()));
        }
        Ok(Self(pattern.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        let pattern: PathPattern = pattern.parse().expect("a pattern");
        pattern.matches(&RepositoryPath::parse(path).expect("a path"))
    }

    #[test]
    fn an_asterisk_stands_for_anything() {
        for (pattern, path) in [
            ("acme/*", "/acme/tool.git"),
            ("acme/*", "/acme/deep/tool"),
            ("/acme/tool.git", "/acme/tool"),
            ("*", "/tool.git"),
            ("acme/*-lib", "/acme/a-lib-lib.git"),
            ("a*b*c", "/a/x/b/y/c"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("acme/*", "/other/tool.git"),
            ("acme/*", "/acme"),
            ("acme/tool", "/acme/tool2"),
            ("acme/tool", "/x/acme/tool"),
            ("acme/*-lib", "/acme/lib"),
            ("a*b*c", "/a/c/b"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
        for text in ["", "/", " ", "a\nb", &"a".repeat(MAX_PATTERN_BYTES + 1)] {
            assert!(text.parse::<PathPattern>().is_err(), "{text:?}");
        }
    }
}
