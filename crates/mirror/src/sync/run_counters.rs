//! How often repositories were synchronised since the start, how it ended, and what it took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Synchronisations since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunCounters {
    /// Those that have brought what was wanted.
    pub succeeded: u64,
    /// Those that have not, and were tried again later.
    pub failed: u64,
    /// What all of them have taken together.
    pub time: Duration,
}

/// Counts.
#[derive(Debug, Default)]
pub(crate) struct RunCounts {
    succeeded: AtomicU64,
    failed: AtomicU64,
    time_us: AtomicU64,
}

impl RunCounts {
    /// One has succeeded, and has taken so long.
    pub(super) fn count_success(&self, time: Duration) {
        self.succeeded.fetch_add(1, Ordering::Relaxed);
        self.count_time(time);
    }

    /// One has failed, and has taken so long.
    pub(super) fn count_failure(&self, time: Duration) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.count_time(time);
    }

    fn count_time(&self, time: Duration) {
        let time_us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.time_us.fetch_add(time_us, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub(crate) fn counters(&self) -> RunCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RunCounters {
            succeeded: read(&self.succeeded),
            failed: read(&self.failed),
            time: Duration::from_micros(read(&self.time_us)),
        }
    }
}
