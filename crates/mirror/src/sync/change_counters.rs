//! How often what a change needs came along with the news of it, and how often it had to be fetched.

use std::sync::atomic::{AtomicU64, Ordering};

/// Changes of repositories that are served, since the start, by where their objects came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangeCounters {
    /// They came inside events, or were here.
    pub in_events: u64,
    /// They were fetched.
    pub fetched: u64,
}

/// Counts.
#[derive(Debug, Default)]
pub(crate) struct ChangeCounts {
    in_events: AtomicU64,
    fetched: AtomicU64,
}

impl ChangeCounts {
    pub(super) fn count_in_event(&self) {
        self.in_events.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_fetched(&self) {
        self.fetched.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub(crate) fn counters(&self) -> ChangeCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ChangeCounters { in_events: read(&self.in_events), fetched: read(&self.fetched) }
    }
}
