//! How late mirrors were: reads that showed something older than what the upstream had acknowledged before they began.

use std::time::Duration;

use super::FaultWindow;
use crate::history::Moment;

/// So long after a fault mirrors may still be catching up.
const RECOVERY: Duration = Duration::from_secs(15);

/// Counts and the longest windows.
#[derive(Debug, Default, Clone)]
pub struct Staleness {
    /// Reads at mirrors.
    pub reads: u64,
    /// Those that were stale while a fault or the recovery from it went on.
    pub explained: u64,
    /// Those of all stale ones that said that they are current.
    pub called_current: u64,
    /// Those that were stale without one.
    pub unexplained: u64,
    /// From the acknowledgement to the latest stale read that began after it.
    pub longest_explained: Duration,
    /// The same without a fault.
    pub longest_unexplained: Duration,
}

impl Staleness {
    /// A read at a mirror, and since when what it showed was not the newest, if it was not.
    pub(super) fn add(
        &mut self,
        asked: Moment,
        stale_since: Option<Moment>,
        says_current: bool,
        faults: &[FaultWindow],
    ) {
        self.reads += 1;
        let Some(since) = stale_since else { return };
        self.called_current += u64::from(says_current);
        let window = asked.saturating_sub(since);
        if faults.iter().any(|fault| fault.begun <= asked && asked <= fault.over + RECOVERY) {
            self.explained += 1;
            self.longest_explained = self.longest_explained.max(window);
        } else {
            self.unexplained += 1;
            self.longest_unexplained = self.longest_unexplained.max(window);
        }
    }
}
