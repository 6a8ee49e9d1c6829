//! What a synchronisation does after others have failed: never the same again and again.
//!
//! ```text
//! announced changes ──fails──▶ all references are compared ──fails twice alike, here──▶ a fresh copy beside the old one
//! ```
//!
//! The old one is read as a whole first and tried once more, so that no passing fault of the system and no damage costs it:
//! both are for `repairs.rs`. The fresh copy takes its place only once it is proven and whole; until then the old one is
//! served. It costs as much as a first synchronisation, so the next one comes after twice as many failures.

use super::pending_changes::PendingChanges;

/// So many failures alike, of comparing all references, ask for a fresh copy; and each time they have doubled.
const ALIKE_BEFORE_FRESH_COPY: u32 = 2;

/// A step that works on what is here, and that may succeed on a copy which begins with nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepHere {
    /// Reading its references.
    Read,
    /// Bringing objects into it.
    Fetch,
    /// Showing other references.
    Show,
}

/// How often synchronisations of one repository have failed alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FailureHistory {
    at: Option<StepHere>,
    alike: u32,
}

impl FailureHistory {
    /// What to do next after `work` has failed, at this step if it is about what is here.
    pub(super) fn next_attempt(&mut self, work: &PendingChanges, at: Option<StepHere>) -> PendingChanges {
        if matches!(work, PendingChanges::Refs { .. }) {
            *self = Self::default();
            return PendingChanges::Snapshot;
        }
        self.alike = if at.is_some() && at == self.at { self.alike.saturating_add(1) } else { 1 };
        self.at = at;
        let is_time = self.alike >= ALIKE_BEFORE_FRESH_COPY && self.alike.is_power_of_two();
        if at.is_some() && is_time { PendingChanges::FreshCopy } else { PendingChanges::Snapshot }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PendingChanges::{FreshCopy, Snapshot};

    fn after(failure_history: &mut FailureHistory, at: &[Option<StepHere>]) -> Vec<PendingChanges> {
        at.iter().map(|at| failure_history.next_attempt(&Snapshot, *at)).collect()
    }

    #[test]
    fn the_same_failure_asks_for_a_fresh_copy_ever_more_rarely() {
        let asked = after(&mut FailureHistory::default(), &[Some(StepHere::Show); 8]);
        let fresh: Vec<usize> =
            (0..asked.len()).filter(|index| asked[*index] == FreshCopy).map(|index| index + 1).collect();
        assert_eq!(fresh, [2, 4, 8]);
    }

    #[test]
    fn failures_of_the_upstream_or_of_another_kind_ask_for_none() {
        let (fetch, show) = (Some(StepHere::Fetch), Some(StepHere::Show));
        let asked =
            after(&mut FailureHistory::default(), &[None, None, None, fetch, show, fetch, None, fetch]);
        assert_eq!(asked, [const { Snapshot }; 8]);
    }
}
