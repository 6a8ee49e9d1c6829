//! How many lines of the log were lost because nothing took them. The log is that of the process, and so is the count.

use std::sync::atomic::{AtomicU64, Ordering};

static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Counts lines that were lost.
pub fn count_dropped_log_lines(lines: u64) {
    DROPPED.fetch_add(lines, Ordering::Relaxed);
}

/// How many were lost since the process was started.
pub fn dropped_log_lines() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}
