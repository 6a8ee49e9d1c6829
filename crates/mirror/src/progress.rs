//! How far this mirror is: one answer for `/status`, `/progress`, metrics and console.

use std::sync::{Mutex, MutexGuard, PoisonError};

use heliostat_refusal::Refusal;
use heliostat_storage::{MirroredStatus, UpstreamState};

use crate::holdings::{is_available, is_behind};
use crate::mirror::Mirror;

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
    /// Repositories that would have been removed, but were too many.
    pub held_back: usize,
}

/// How far the synchronisation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Whether the number of repositories is still being found out.
    pub discovering: bool,
    /// Repositories that have everything the upstream is known to have.
    pub synced: usize,
    /// Repositories that are or will be held.
    pub total: usize,
}

/// The state of a mirror as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorStatus {
    /// The mirror's server id.
    pub server_id: String,
    /// The mirror's name.
    pub name: String,
    /// The upstream's address.
    pub upstream_url: String,
    /// How far the bond with the upstream is.
    pub upstream_state: UpstreamState,
    /// Why the bond is not further, or what is wrong with it.
    pub reason: Option<String>,
    /// Whether the node may take traffic: installed, and past its first synchronisation.
    pub ready: bool,
    /// How far the synchronisation is.
    pub progress: Progress,
    /// Repositories that can be cloned now.
    pub available: usize,
    /// Repositories whose last synchronisation failed.
    pub failing: usize,
    /// Age of the oldest change that is known and not here, in milliseconds.
    pub lag_ms: Option<i64>,
    /// When the last complete comparison with the upstream ended, in epoch milliseconds.
    pub last_sweep_at: Option<i64>,
    /// What it found.
    pub last_sweep: Option<SweepOutcome>,
    /// Why the latest comparison failed, if it did.
    pub sweep_error: Option<String>,
    /// The upstream's clock minus ours, in milliseconds, when it was last looked at.
    pub clock_skew_ms: Option<i64>,
}

/// What only the running process knows about sweeps.
#[derive(Debug, Default)]
pub(crate) struct ProgressStore {
    state: Mutex<SweepState>,
}

#[derive(Debug, Default, Clone)]
struct SweepState {
    discovered: usize,
    last_sweep_at: Option<i64>,
    last_sweep: Option<SweepOutcome>,
    sweep_error: Option<String>,
    clock_skew_ms: Option<i64>,
    was_ready: bool,
}

impl ProgressStore {
    /// What is known at the start: whether an earlier process got through its first synchronisation.
    pub(crate) fn new(was_ready: bool) -> Self {
        Self { state: Mutex::new(SweepState { was_ready, ..SweepState::default() }) }
    }

    /// A new bond begins with a new first synchronisation.
    pub(crate) fn start_over(&self) {
        *self.lock() = SweepState::default();
    }

    pub(crate) fn discovered(&self, repositories: usize) {
        self.lock().discovered = repositories;
    }

    pub(crate) fn upstream_answered(&self, clock_skew_ms: i64) {
        self.lock().clock_skew_ms = Some(clock_skew_ms);
    }

    pub(crate) fn sweep_ended(&self, outcome: SweepOutcome, now_ms: i64) {
        let mut state = self.lock();
        state.last_sweep = Some(outcome);
        state.last_sweep_at = Some(now_ms);
        state.sweep_error = None;
    }

    pub(crate) fn sweep_failed(&self, error: String) {
        self.lock().sweep_error = Some(error);
    }

    fn lock(&self) -> MutexGuard<'_, SweepState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mirror {
    /// How far the synchronisation is.
    pub fn progress(&self, upstream_id: &str) -> Result<Progress, Refusal> {
        self.require_upstream(upstream_id)?;
        Ok(self.status().progress)
    }

    /// The state of the mirror as a whole.
    pub fn status(&self) -> MirrorStatus {
        let upstream = self.bond.upstream();
        let is_installed = self.bond.is_installed();
        let selection = self.selection();
        let (mut total, mut synced, mut available, mut failing, mut undecided) = (0, 0, 0, 0, 0);
        let mut behind_since: Option<i64> = None;
        for holding in self.holdings.all() {
            let record = holding.record();
            if !is_installed || record.removed_at.is_some() || !selection.covers(&record.project_id) {
                continue;
            }
            total += 1;
            synced += usize::from(!is_behind(&record));
            available += usize::from(is_available(&record));
            failing += usize::from(record.failed_count > 0);
            undecided += usize::from(matches!(
                record.status,
                MirroredStatus::NotMirrored | MirroredStatus::Initializing
            ));
            behind_since = match (behind_since, record.behind_since) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        let mut state = self.progress.lock();
        let discovering = is_installed && state.last_sweep_at.is_none() && !state.was_ready;
        // Once through the first synchronisation, new repositories do not turn the node red again.
        if is_installed && undecided == 0 && state.last_sweep_at.is_some() {
            state.was_ready = true;
        }
        let progress = Progress {
            discovering,
            synced,
            total: if discovering { total.max(state.discovered) } else { total },
        };
        MirrorStatus {
            server_id: self.server_id.clone(),
            name: self.options.name.clone(),
            upstream_url: self.options.upstream_url.to_string(),
            upstream_state: upstream.state,
            reason: upstream.last_error.clone(),
            ready: is_installed && state.was_ready,
            progress,
            available,
            failing,
            lag_ms: behind_since.map(|since| self.options.clock.now_ms().saturating_sub(since)),
            last_sweep_at: state.last_sweep_at,
            last_sweep: state.last_sweep,
            sweep_error: state.sweep_error.clone(),
            clock_skew_ms: state.clock_skew_ms,
        }
    }
}
