//! Counts what webhooks were told of, by how that ended.

use std::sync::atomic::{AtomicU64, Ordering};

/// Attempts to tell a webhook of an event since the start, by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WebhookCounters {
    /// The receiver has taken the event in.
    pub delivered: u64,
    /// It has not, and is sent the event again.
    pub repeated: u64,
    /// It has not, and is not sent it again.
    pub given_up: u64,
    /// Events that were never sent because too many waited.
    pub dropped: u64,
}

/// Counts.
#[derive(Debug, Default)]
pub(super) struct DeliveryCounts {
    delivered: AtomicU64,
    repeated: AtomicU64,
    given_up: AtomicU64,
    dropped: AtomicU64,
}

impl DeliveryCounts {
    pub(super) fn count_delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_repeated(&self) {
        self.repeated.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_given_up(&self) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_dropped(&self, events: u64) {
        self.dropped.fetch_add(events, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub(super) fn counters(&self) -> WebhookCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WebhookCounters {
            delivered: read(&self.delivered),
            repeated: read(&self.repeated),
            given_up: read(&self.given_up),
            dropped: read(&self.dropped),
        }
    }
}
