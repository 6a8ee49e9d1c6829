//! What only the running process knows about sweeps.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::inventory::Selection;

/// What a sweep found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SweepOutcome {
    /// Repositories that the upstream lists.
    pub listed: usize,
    /// Repositories that were missing here.
    pub added: usize,
    /// Repositories that differed.
    pub differing: usize,
    /// Repositories that were removed here.
    pub removed: usize,
    /// Repositories without a record that would have gone into the trash, but were too many.
    pub held_back: usize,
}

/// The sweeps since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SweepCounters {
    /// How many have got to their end.
    pub sweeps: u64,
    /// What these have taken together.
    pub time: Duration,
    /// How many have not, and were repeated.
    pub failures: u64,
}

/// How far the sweeps are.
#[derive(Debug, Default)]
pub(crate) struct SweepProgress {
    state: Mutex<SweepState>,
}

/// What is known about sweeps at one moment.
#[derive(Debug, Default, Clone)]
pub(crate) struct SweepState {
    /// Repositories that the sweep which runs has found so far.
    pub(crate) discovered: usize,
    pub(crate) last_sweep: Option<SweepOutcome>,
    pub(crate) counters: SweepCounters,
    pub(crate) sweep_error: Option<String>,
    /// When the last sweep began that has got to its end.
    compared_since: Option<Instant>,
    /// The projects that it has asked for, without those that a later one gives up.
    compared_selection: Option<Arc<Selection>>,
    /// Repositories without a record that wait for an administrator.
    pub(crate) unrecorded: Vec<u64>,
    /// Whether the first synchronisation has ended, in this process or an earlier one.
    pub(crate) was_ready: bool,
}

impl SweepState {
    /// Whether a sweep of this process has ended.
    pub(crate) fn has_compared(&self) -> bool {
        self.last_sweep.is_some()
    }

    /// Whether one has, and has asked for everything that is selected now: if not, it is not known what there is of it.
    pub(crate) fn has_looked_for(&self, selection: &Selection) -> bool {
        let compared = self.compared_selection.as_ref();
        self.has_compared() && compared.is_some_and(|compared| compared.covers_all_of(selection))
    }
}

impl SweepProgress {
    /// What is known at the start: whether an earlier process got through its first synchronisation.
    pub(crate) fn new(was_ready: bool) -> Self {
        Self { state: Mutex::new(SweepState { was_ready, ..SweepState::default() }) }
    }

    /// When the last sweep began that has got to its end: all that the upstream had then is known.
    pub(crate) fn compared_since(&self) -> Option<Instant> {
        self.state.lock().compared_since
    }

    pub(crate) fn state(&self) -> SweepState {
        self.state.lock().clone()
    }

    /// Once through the first synchronisation, new repositories do not turn the node red again. Says whether it is
    /// through.
    pub(crate) fn settle(&self, nothing_undecided: bool) -> bool {
        let mut state = self.state.lock();
        state.was_ready |= nothing_undecided && state.has_compared();
        state.was_ready
    }

    /// A new link begins with a new first synchronisation.
    pub(crate) fn start_over(&self) {
        let mut state = self.state.lock();
        *state = SweepState { counters: state.counters, ..SweepState::default() };
    }

    pub(crate) fn discovered(&self, repositories: usize) {
        self.state.lock().discovered = repositories;
    }

    /// A sweep of these projects begins, which gives up all others.
    pub(crate) fn sweep_begins(&self, selection: &Arc<Selection>) {
        let mut state = self.state.lock();
        state.compared_selection = match state.compared_selection.take() {
            Some(compared) if !selection.covers_all_of(&compared) => {
                Some(Arc::new(compared.in_common(selection)))
            }
            compared => compared,
        };
    }

    /// A sweep has asked for all of these projects.
    pub(crate) fn looked_for(&self, selection: Arc<Selection>) {
        self.state.lock().compared_selection = Some(selection);
    }

    /// A sweep that began then has got to its end.
    pub(crate) fn sweep_ended(&self, outcome: SweepOutcome, began: Instant) {
        let mut state = self.state.lock();
        state.last_sweep = Some(outcome);
        state.compared_since = Some(began);
        state.counters.sweeps += 1;
        state.counters.time += began.elapsed();
        state.sweep_error = None;
    }

    /// Which repositories without a record wait for an administrator.
    pub(crate) fn unrecorded_held_back(&self, disk_ids: Vec<u64>) {
        self.state.lock().unrecorded = disk_ids;
    }

    pub(crate) fn sweep_failed(&self, error: String) {
        let mut state = self.state.lock();
        state.counters.failures += 1;
        state.sweep_error = Some(error);
    }
}
