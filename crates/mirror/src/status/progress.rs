//! How far this mirror is: one answer for `/status`, `/progress`, metrics and console.

use std::sync::Arc;
use std::time::Duration;

use heliostat_git::DiskRoom;
use heliostat_git_serve::ServingEngine;
use heliostat_peer::Clock;
use heliostat_refusal::Refusal;
use heliostat_storage::{MirroredRepository, UpstreamState};

use super::support_info::{DelayedSync, delayed_syncs};
use crate::access::permit::Administrator;
use crate::inventory::{Inventory, SelectedProjects};
use crate::sync::{
    ChangeCounters, DiskCounters, DiskProgress, RepairCounters, Repairs, RunCounters, SweepCounters,
    SweepOutcome, SweepProgress, Synchroniser,
};
use crate::upstream_link::{Heartbeat, Introduction, UpstreamFacts, UpstreamLink};

/// How far the synchronisation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Whether the number of repositories is still being found out.
    pub discovering: bool,
    /// Repositories that have everything the upstream is known to have.
    pub synced: usize,
    /// Repositories that are or will be here.
    pub total: usize,
    /// Repositories that are mirrored, whether or not they can be cloned.
    pub mirrored: usize,
    /// Those of them that are served and have everything that the upstream was last known to have.
    pub in_step: usize,
    /// Since when it is not known what the upstream has, in epoch milliseconds; `None` while it is known.
    pub not_known_since: Option<i64>,
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
    /// How far the link with the upstream is.
    pub upstream_state: UpstreamState,
    /// Whether the upstream answers, and since when it is not known what it has.
    pub upstream: UpstreamFacts,
    /// Why the upstream has not answered the latest call, if it has not.
    pub why_away: Option<String>,
    /// Why the link is not further, or what is wrong with it.
    pub reason: Option<String>,
    /// Whether the mirror is installed, and past its first synchronisation.
    pub ready: bool,
    /// How far the synchronisation is.
    pub progress: Progress,
    /// Repositories that can be cloned now.
    pub available: usize,
    /// Repositories whose last synchronisation failed.
    pub failing: usize,
    /// Repositories of which the upstream has lost what is here, and that wait for an administrator.
    pub held: usize,
    /// Repositories that are not served because they are damaged, cannot be read, or are being examined.
    pub in_repair: usize,
    /// What is the matter with the one of them that has been so for longest.
    pub in_repair_reason: Option<String>,
    /// What was found damaged and put right since the start.
    pub repairs: RepairCounters,
    /// How often repositories were looked at on disk since the start.
    pub disk: DiskCounters,
    /// Where the objects of changes came from since the start.
    pub changes: ChangeCounters,
    /// How often repositories were synchronised since the start.
    pub runs: RunCounters,
    /// Age of the oldest change that is known and not here, in milliseconds.
    pub lag_ms: Option<i64>,
    /// For how long it has not been known what the upstream has, in milliseconds; `None` while it is known.
    pub not_known_ms: Option<i64>,
    /// How long either may last, in milliseconds, before the mirror takes no traffic.
    pub lag_limit_ms: Option<i64>,
    /// When any repository was last synchronised, in epoch milliseconds.
    pub last_sync_at: Option<i64>,
    /// What the last complete comparison with the upstream found, in this process.
    pub last_sweep: Option<SweepOutcome>,
    /// How many comparisons there were since the start, and what they took.
    pub sweeps: SweepCounters,
    /// Why the latest comparison failed, if it did.
    pub sweep_error: Option<String>,
    /// What the upstream finds wrong with how it is followed: another process of the same name, or the clock.
    pub complaint: Option<String>,
    /// Room on the disk, once it was looked at.
    pub room: Option<DiskRoom>,
    /// The upstream's clock minus ours, in milliseconds, when it was last told; 0 where the two may well agree.
    pub clock_skew_ms: Option<i64>,
}

impl MirrorStatus {
    /// For how long something that the upstream has may have been missing here, in milliseconds, if there is a limit and it
    /// has passed that.
    pub fn late_ms(&self) -> Option<i64> {
        let (lag_ms, limit_ms) = (self.lag_ms.max(self.not_known_ms)?, self.lag_limit_ms?);
        (lag_ms > limit_ms).then_some(lag_ms)
    }

    /// Whether the node may take traffic.
    pub fn takes_traffic(&self) -> bool {
        self.ready && self.late_ms().is_none()
    }
}

/// Says how things are.
pub struct StatusReport {
    pub(crate) lag_limit: Option<Duration>,
    pub(crate) introduction: Arc<Introduction>,
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) selection: Arc<SelectedProjects>,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) sweep_progress: Arc<SweepProgress>,
    pub(crate) repairs: Arc<Repairs>,
    pub(crate) disk_progress: Arc<DiskProgress>,
    pub(crate) synchroniser: Arc<Synchroniser>,
    pub(crate) engine: Arc<ServingEngine>,
    pub(crate) heartbeat: Arc<Heartbeat>,
    pub(crate) clock: Clock,
}

impl StatusReport {
    /// How far the synchronisation is.
    pub fn progress(&self, _: &Administrator, upstream_id: &str) -> Result<Progress, Refusal> {
        self.link.require(upstream_id)?;
        Ok(self.now().progress)
    }

    /// The repositories that have been behind for longest, and those in trouble.
    pub fn longest_behind(&self, limit: usize) -> Vec<DelayedSync> {
        delayed_syncs(&self.inventory, self.clock.now_ms(), 0, limit)
    }

    /// The project key and the slug of repositories by their numbers on disk, for the operator of the server.
    pub fn paths_on_disk(&self, numbers: &[u64]) -> Vec<(u64, String, String)> {
        let records = self.inventory.records_on_disk(numbers).into_iter();
        let path = |(number, record): (u64, Arc<MirroredRepository>)| {
            (number, record.project_key.clone(), record.slug.clone())
        };
        records.map(path).collect()
    }

    /// The state of the mirror as a whole.
    pub fn now(&self) -> MirrorStatus {
        let (upstream, facts) = (self.link.upstream(), self.link.facts());
        let serves = self.link.serves();
        let counts = self.inventory.counts();
        let sweeps = self.sweep_progress.state();
        let knows_what_there_is = match sweeps.has_compared() {
            true => sweeps.has_looked_for(&self.selection.current()),
            false => sweeps.was_ready,
        };
        let discovering = serves && !knows_what_there_is;
        let is_through = self.sweep_progress.settle(serves && counts.undecided == 0);
        let total = if discovering { counts.total.max(sweeps.discovered) } else { counts.total };
        let now_ms = self.clock.now_ms();
        MirrorStatus {
            server_id: self.introduction.server_id.clone(),
            name: self.introduction.name.clone(),
            upstream_url: self.link.public_url().to_string(),
            upstream_state: upstream.state,
            upstream: facts,
            why_away: self.link.contact().why_away(),
            reason: self.link.complaint(),
            ready: serves && is_through,
            progress: Progress {
                discovering,
                synced: counts.synced,
                total,
                mirrored: counts.total,
                in_step: counts.in_step,
                not_known_since: facts.not_known_since,
            },
            available: counts.available,
            failing: counts.failing,
            held: counts.held,
            in_repair: counts.in_repair,
            in_repair_reason: counts.longest_in_repair.as_ref().map(|trouble| trouble.reason.clone()),
            repairs: self.repairs.counters(),
            disk: self.disk_progress.counters(),
            changes: self.synchroniser.changes.counters(),
            runs: self.synchroniser.runs.counters(),
            lag_ms: counts.lag_ms(now_ms),
            not_known_ms: facts.not_known_since.map(|since| now_ms.saturating_sub(since)),
            lag_limit_ms: self.lag_limit.map(|limit| i64::try_from(limit.as_millis()).unwrap_or(i64::MAX)),
            last_sync_at: counts.last_sync_at,
            last_sweep: sweeps.last_sweep,
            sweeps: sweeps.counters,
            sweep_error: sweeps.sweep_error,
            complaint: self.heartbeat.complaint(),
            room: self.engine.room(),
            clock_skew_ms: self.link.contact().clock_skew_ms(),
        }
    }
}
