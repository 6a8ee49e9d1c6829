//! The mirrored repositories, counted: the numbers that `/status`, progress, metrics, pages and the upstream are told.

use std::sync::Arc;

use heliostat_storage::MirroredRepository;

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
        if !self.link.serves() {
            return Counts::default();
        }
        let selection = self.selection.current();
        self.index.tally().counts(|project_id| selection.covers(project_id))
    }
}
