//! The mirrored repositories, counted: the numbers that `/status`, progress, metrics, pages and the upstream are told.

use std::sync::Arc;

use heliostat_storage::{MirroredRepository, MirroredStatus};

use super::entry::{is_available, is_behind};
use super::mirrored::Inventory;
use super::trouble::Trouble;

/// The mirrored repositories, counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// All of them.
    pub(crate) total: usize,
    /// Those that have everything that the upstream is known to have.
    pub(crate) synced: usize,
    /// Those of them that are served, and of which the upstream has lost nothing.
    pub(crate) in_step: usize,
    pub(crate) available: usize,
    pub(crate) failing: usize,
    /// The one of those that has been behind for longest.
    pub(crate) first_failing: Option<Arc<MirroredRepository>>,
    pub(crate) held: usize,
    pub(crate) in_repair: usize,
    pub(crate) longest_in_repair: Option<Arc<Trouble>>,
    /// Those whose first synchronisation has neither succeeded nor failed.
    pub(crate) undecided: usize,
    /// Since when the oldest known change is not here, in epoch milliseconds. What waits for an administrator does not count.
    pub(crate) behind_since: Option<i64>,
    /// When any of them was last synchronised, in epoch milliseconds.
    pub(crate) last_sync_at: Option<i64>,
}

impl Counts {
    /// For how long the oldest known change has not been here.
    pub(crate) fn lag_ms(&self, now_ms: i64) -> Option<i64> {
        // A clock may have been set back.
        self.behind_since.map(|since| now_ms.saturating_sub(since).max(0))
    }
}

impl Inventory {
    /// Counts what is mirrored now.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in self.mirrored() {
            let record = entry.record();
            let trouble = entry.trouble();
            counts.total += 1;
            counts.synced += usize::from(!is_behind(&record));
            counts.in_step += usize::from(!is_behind(&record) && record.held.is_none() && trouble.is_none());
            counts.available += usize::from(is_available(&record) && trouble.is_none());
            if record.failed_count > 0 {
                counts.failing += 1;
                let is_first =
                    counts.first_failing.as_ref().is_none_or(|first| since(&record) < since(first));
                if is_first {
                    counts.first_failing = Some(Arc::clone(&record));
                }
            }
            counts.held += usize::from(record.held.is_some());
            if let Some(trouble) = trouble {
                counts.in_repair += 1;
                let is_longest =
                    counts.longest_in_repair.as_ref().is_none_or(|longest| trouble.since < longest.since);
                if is_longest {
                    counts.longest_in_repair = Some(trouble);
                }
            }
            counts.undecided += usize::from(matches!(
                record.status,
                MirroredStatus::NotMirrored | MirroredStatus::Initializing
            ));
            let behind_since = record.behind_since.filter(|_| record.held.is_none());
            counts.behind_since = counts.behind_since.into_iter().chain(behind_since).min();
            counts.last_sync_at = counts.last_sync_at.max(record.last_sync_at);
        }
        counts
    }
}

/// Since when it has been behind; for ever if that is not known.
fn since(record: &MirroredRepository) -> i64 {
    record.behind_since.unwrap_or(i64::MIN)
}
