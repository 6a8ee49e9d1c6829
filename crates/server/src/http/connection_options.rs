//! How slow a client may be, and how many connections there may be.
//!
//! Time counts only while the server waits for the client: nothing here ends a request because the server, its disk or
//! `git` takes long.

use std::time::Duration;

/// How long a client may send nothing of its request, or take nothing of its answer, unless the operator says otherwise.
const DEFAULT_STALL_LIMIT: Duration = Duration::from_secs(60);
/// How much a client sends or takes at least, on average, unless the operator says otherwise.
const DEFAULT_MIN_BYTES_PER_SECOND: u64 = 1024;
/// Most connections at once, unless the operator says otherwise.
pub const DEFAULT_MAX_CONNECTIONS: usize = 4_096;

/// How long the server waits for the whole body of a request, all waiting together.
const BODY_DEADLINE: Duration = Duration::from_mins(10);
/// The same for a push, which may be of gigabytes.
const PUSH_DEADLINE: Duration = Duration::from_hours(24);
/// A client that pushes may be silent for so many times as long as others: its git computes meanwhile.
const PUSH_STALLS: u32 = 5;
/// The average speed at which an answer is taken is looked at after waiting for so many times the stall limit: a proxy takes
/// megabytes at once, for which its own client may need some minutes.
const STALLS_PER_SPEED_CHECK: u32 = 10;

/// What an operator decides about connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// How long a client may send nothing of its request, or take nothing of its answer.
    pub stall_limit: Duration,
    /// How much it sends or takes at least, on average over what the server waits for it; 0 lets it be as slow as it likes.
    pub min_bytes_per_second: u64,
    /// Most connections at once; fewer where few files may be open.
    pub max_connections: usize,
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            stall_limit: DEFAULT_STALL_LIMIT,
            min_bytes_per_second: DEFAULT_MIN_BYTES_PER_SECOND,
            max_connections: DEFAULT_MAX_CONNECTIONS,
        }
    }
}

/// How slowly the body of a request may arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyPace {
    /// How long nothing may come.
    pub stall_limit: Duration,
    /// How long the server waits for all of it, all waiting together.
    pub deadline: Duration,
    /// How much has to come on average, after the first `stall_limit`.
    pub min_bytes_per_second: u64,
}

impl ConnectionOptions {
    /// How slowly the body of a request to this path may arrive.
    pub fn body_pace(&self, path: &str) -> BodyPace {
        let min_bytes_per_second = self.min_bytes_per_second;
        if path.ends_with("/git-receive-pack") {
            let stall_limit = self.stall_limit.saturating_mul(PUSH_STALLS);
            return BodyPace { stall_limit, deadline: PUSH_DEADLINE, min_bytes_per_second };
        }
        BodyPace { stall_limit: self.stall_limit, deadline: BODY_DEADLINE, min_bytes_per_second }
    }

    /// After how much waiting for a client to take more of its answer its speed is looked at.
    pub fn speed_check_after(&self) -> Duration {
        self.stall_limit.saturating_mul(STALLS_PER_SPEED_CHECK)
    }
}

impl BodyPace {
    /// How much longer the server waits now, when so much has come and it has waited so long before.
    pub fn patience(&self, received_bytes: u64, waited: Duration) -> Duration {
        let until_deadline = self.deadline.saturating_sub(waited);
        let until_too_slow = match received_bytes.checked_div(self.min_bytes_per_second) {
            Some(seconds) => (self.stall_limit + Duration::from_secs(seconds)).saturating_sub(waited),
            None => self.stall_limit,
        };
        self.stall_limit.min(until_deadline).min(until_too_slow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_body_has_a_deadline_a_stall_limit_and_a_speed() {
        let options = ConnectionOptions {
            stall_limit: 10 * SECOND,
            min_bytes_per_second: 100,
            ..ConnectionOptions::default()
        };
        let pace = options.body_pace("/rest/api/latest/projects");
        assert_eq!(pace.patience(0, Duration::ZERO), 10 * SECOND);
        assert_eq!(pace.patience(0, 7 * SECOND), 3 * SECOND);
        // 500 bytes are good for five seconds.
        assert_eq!(pace.patience(500, 7 * SECOND), 8 * SECOND);
        assert_eq!(pace.patience(500, 15 * SECOND), Duration::ZERO);
        assert_eq!(pace.patience(u64::MAX, 20 * SECOND), 10 * SECOND);
        assert_eq!(pace.patience(u64::MAX, BODY_DEADLINE - SECOND), SECOND);
        let push = options.body_pace("/scm/prj/r.git/git-receive-pack");
        assert_eq!(push.patience(u64::MAX, 2 * BODY_DEADLINE), 50 * SECOND);
    }

    #[test]
    fn without_a_speed_a_body_may_trickle_until_its_deadline() {
        let options = ConnectionOptions { min_bytes_per_second: 0, ..ConnectionOptions::default() };
        let pace = options.body_pace("/");
        assert_eq!(pace.patience(1, BODY_DEADLINE / 2), DEFAULT_STALL_LIMIT);
        assert_eq!(pace.patience(1, BODY_DEADLINE), Duration::ZERO);
    }
}
