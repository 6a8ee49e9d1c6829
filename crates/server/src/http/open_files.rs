//! How many files this process may have open, and how many of them connections may take.
//!
//! A process starts with a soft limit that is often 1,024 and may raise it to the hard one, which it does. A part is kept
//! for the server's own work, however many clients there are: its database, reading repositories, and the pipes of every
//! `git` that may run. What is left is shared by connections; a further client takes the place of one that dawdles.

use heliostat_git::{MAX_FETCH_PROCESSES, MAX_OWN_GIT_PROCESSES, MAX_PUSH_PROCESSES};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::connection_options::DEFAULT_MAX_CONNECTIONS;

/// Fewest connections at once, however few files may be open.
const MIN_CONNECTIONS: u64 = 8;

/// What a connection has open at most: its socket and the stored answer that it is sent.
const FILES_PER_CONNECTION: u64 = 2;

/// What one running `git` has open here: three pipes and its process.
const FILES_PER_GIT: u64 = 4;

/// Kept besides: database connections, calls to other servers, files of repositories that are read, and those that long
/// bodies share.
const OTHER_OWN_FILES: u64 = 256;

/// Kept for the server's own work, where the limit leaves that much.
const RESERVED_FILES: u64 = (MAX_FETCH_PROCESSES + MAX_PUSH_PROCESSES + MAX_OWN_GIT_PROCESSES) as u64
    * FILES_PER_GIT
    + OTHER_OWN_FILES;

/// What is asked for where there is no hard limit.
const ENOUGH_FILES: u64 = 1_048_576;

/// The limit of open files of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles {
    /// How many may be open now.
    pub limit: u64,
    /// How many this process may allow itself.
    pub hard_limit: u64,
}

impl OpenFiles {
    /// The limits of this process now.
    pub fn now() -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let hard_limit = maximum.unwrap_or(ENOUGH_FILES);
        Self { limit: current.unwrap_or(hard_limit), hard_limit }
    }

    /// Raises the soft limit to the hard one and says what holds now.
    pub fn raise() -> Self {
        let before = Self::now();
        if before.limit < before.hard_limit {
            let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
            let raised = Rlimit { current: Some(before.hard_limit), maximum };
            if let Err(error) = setrlimit(Resource::Nofile, raised) {
                tracing::warn!(%error, limit = before.limit, "cannot raise the limit of open files");
            }
        }
        Self::now()
    }

    /// How many files are kept for the server's own work.
    pub fn reserved(self) -> u64 {
        RESERVED_FILES.min(self.limit / 2)
    }

    /// How many connections are open at once, if so many are wanted.
    pub fn connections(self, wanted: usize) -> usize {
        let left = self.limit.saturating_sub(self.reserved()) / FILES_PER_CONNECTION;
        wanted.min(usize::try_from(left.max(MIN_CONNECTIONS)).unwrap_or(usize::MAX))
    }

    /// Whether the limit holds back connections that this server could otherwise take.
    pub fn is_short(self) -> bool {
        self.connections(DEFAULT_MAX_CONNECTIONS) < DEFAULT_MAX_CONNECTIONS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(limit: u64) -> OpenFiles {
        OpenFiles { limit, hard_limit: limit }
    }

    #[test]
    fn connections_leave_what_is_kept_for_own_work() {
        for limit in [64, 128, 1_024, 20_000, 1_048_576] {
            let files = files(limit);
            let taken = files.connections(usize::MAX) as u64 * FILES_PER_CONNECTION;
            assert!(taken + files.reserved() <= limit, "{limit}");
        }
        assert_eq!(files(1_048_576).connections(DEFAULT_MAX_CONNECTIONS), DEFAULT_MAX_CONNECTIONS);
        assert!(!files(20_000).is_short() && files(1_024).is_short());
        assert_eq!(files(1_024).reserved(), 512);
        assert_eq!(files(20_000).reserved(), 768);
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let files = OpenFiles::raise();
        assert_eq!(files.limit, files.hard_limit);
    }
}
