//! Counts pushes by what became of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pushes that were let in since the start, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PushCounters {
    /// They have changed references.
    pub changed: u64,
    /// They have changed nothing: there was nothing to change, or a hook or rule refused it.
    pub unchanged: u64,
    /// They were broken off, by their client or by a fault here.
    pub failed: u64,
}

/// Counts. Clones share the counts.
#[derive(Debug, Clone, Default)]
pub(super) struct PushCounts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    changed: AtomicU64,
    unchanged: AtomicU64,
    failed: AtomicU64,
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PushOutcome {
    /// References have changed.
    Changed,
    /// Nothing has changed.
    Unchanged,
    /// It was broken off.
    Failed,
}

/// A push that runs; one of which nothing is heard any more has failed.
#[derive(Debug)]
pub(super) struct CountedPush {
    counts: PushCounts,
    outcome: PushOutcome,
}

impl PushCounts {
    /// A push begins.
    pub(super) fn begin(&self) -> CountedPush {
        CountedPush { counts: self.clone(), outcome: PushOutcome::Failed }
    }

    /// What was counted so far.
    pub(super) fn counters(&self) -> PushCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PushCounters {
            changed: read(&self.0.changed),
            unchanged: read(&self.0.unchanged),
            failed: read(&self.0.failed),
        }
    }
}

impl CountedPush {
    /// It has come to this end.
    pub(super) fn ended(mut self, outcome: PushOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for CountedPush {
    fn drop(&mut self) {
        let counter = match self.outcome {
            PushOutcome::Changed => &self.counts.0.changed,
            PushOutcome::Unchanged => &self.counts.0.unchanged,
            PushOutcome::Failed => &self.counts.0.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_that_does_not_end_has_failed() {
        let counts = PushCounts::default();
        counts.begin().ended(PushOutcome::Changed);
        counts.begin().ended(PushOutcome::Unchanged);
        drop(counts.begin());
        counts.begin().ended(PushOutcome::Failed);
        assert_eq!(counts.counters(), PushCounters { changed: 1, unchanged: 1, failed: 2 });
    }
}
