//! How far a mirror is behind its upstream, and what its readers got.

use heliostat_mirror::{
    ChangeCounters, DiskCounters, MirrorStatus, RepairCounters, RunCounters, SweepCounters,
};
use std::fmt;

use super::encoder::{Encoder, seconds};
use super::freshness::FreshnessMetrics;
use super::late_repositories::LateRepositories;

/// How far a mirror is.
#[derive(Debug, Default)]
pub struct MirrorMetrics {
    ready: bool,
    available: usize,
    failing: usize,
    held: usize,
    in_repair: usize,
    repairs: RepairCounters,
    disk: DiskCounters,
    changes: ChangeCounters,
    runs: RunCounters,
    sweeps: SweepCounters,
    mirrored: usize,
    in_step: usize,
    /// Not a number while it is not known.
    lag_seconds: f64,
    late: LateRepositories,
    upstream: Upstream,
    last_sync_at: Option<f64>,
    freshness: FreshnessMetrics,
}

/// The upstream, in seconds.
#[derive(Debug, Default)]
struct Upstream {
    reachable: bool,
    last_contact_at: Option<f64>,
    last_comparison_at: Option<f64>,
    not_known_since: Option<f64>,
    clock_skew: Option<f64>,
}

impl MirrorMetrics {
    /// What a mirror in this state shows, which repositories are behind, and how fresh its answers were.
    pub fn new(status: &MirrorStatus, late: LateRepositories, freshness: FreshnessMetrics) -> Self {
        let facts = &status.upstream;
        let unknown = if facts.not_known_since.is_some() { f64::NAN } else { 0.0 };
        MirrorMetrics {
            ready: status.takes_traffic(),
            available: status.available,
            failing: status.failing,
            held: status.held,
            in_repair: status.in_repair,
            repairs: status.repairs,
            disk: status.disk,
            changes: status.changes,
            runs: status.runs,
            sweeps: status.sweeps,
            mirrored: status.progress.mirrored,
            in_step: status.progress.in_step,
            lag_seconds: status.lag_ms.map_or(unknown, seconds),
            late,
            upstream: Upstream {
                reachable: facts.reachable,
                last_contact_at: facts.last_contact_at.map(seconds),
                last_comparison_at: facts.last_comparison_at.map(seconds),
                not_known_since: facts.not_known_since.map(seconds),
                clock_skew: status.clock_skew_ms.map(seconds),
            },
            last_sync_at: status.last_sync_at.map(seconds),
            freshness,
        }
    }

    pub(super) fn encode(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        encoder.gauge(
            "heliostat_mirror_ready",
            "Whether this mirror may take traffic: 1 if it may, else 0.",
            u64::from(self.ready),
        )?;
        encoder.gauge(
            "heliostat_mirror_repositories",
            "Repositories that are mirrored, whether or not they can be cloned here.",
            self.mirrored as u64,
        )?;
        encoder.gauge(
            "heliostat_mirror_repositories_up_to_date",
            "Repositories that are served and have everything that the upstream was last known to have.",
            self.in_step as u64,
        )?;
        encoder.gauge(
            "heliostat_mirror_repositories_available",
            "Repositories that can be cloned here.",
            self.available as u64,
        )?;
        encoder.gauge(
            "heliostat_mirror_repositories_failing",
            "Repositories whose last synchronization failed.",
            self.failing as u64,
        )?;
        encoder.gauge(
            "heliostat_mirror_repositories_held",
            "Repositories of which the upstream has lost what is here, and that wait for an administrator.",
            self.held as u64,
        )?;
        encoder.gauge(
            "heliostat_mirror_repositories_in_repair",
            "Repositories that are not served because they are damaged, cannot be read, or are being examined.",
            self.in_repair as u64,
        )?;
        encoder.counter(
            "heliostat_mirror_repositories_suspected_total",
            "Repositories that looked damaged and were examined.",
            self.repairs.suspected,
        )?;
        encoder.counter(
            "heliostat_mirror_repositories_damaged_total",
            "Repositories that were proven to be damaged.",
            self.repairs.damaged,
        )?;
        encoder.counter(
            "heliostat_mirror_repositories_repaired_total",
            "Damaged repositories that were made anew from the upstream.",
            self.repairs.repaired,
        )?;
        encoder.counter(
            "heliostat_mirror_repositories_differing_total",
            "Repositories whose references on disk were not those that were synchronized.",
            self.repairs.differing,
        )?;
        encoder.counter(
            "heliostat_mirror_disk_scans_total",
            "Repositories that were scanned on disk: references, sizes, beginnings and ends of files.",
            self.disk.looks,
        )?;
        encoder.counter(
            "heliostat_mirror_disk_checks_total",
            "Repositories whose every object was read and checked.",
            self.disk.checks,
        )?;
        encoder.counters(
            "heliostat_mirror_changes_total",
            "Changes of repositories with new objects in their references, by how these came: event (inside the event that told of it, or they were here), fetch.",
            &[("event", self.changes.in_events), ("fetch", self.changes.fetched)]
                .map(|(way, count)| ([("objects", way)], count)),
        )?;
        self.encode_work(encoder)?;
        encoder.gauge(
            "heliostat_mirror_lag_seconds",
            "Seconds since the oldest change that is known and not here yet; 0 if there is none, NaN if none is known but \
             it is not known what the upstream has.",
            self.lag_seconds,
        )?;
        self.late.encode(encoder)?;
        self.upstream.encode(encoder)?;
        encoder.gauge(
            "heliostat_mirror_last_synchronization_timestamp_seconds",
            "When any repository was last synchronized; NaN if none ever was.",
            self.last_sync_at.unwrap_or(f64::NAN),
        )?;
        self.freshness.encode(encoder)
    }

    /// Synchronisations, and the comparisons that find what they have missed.
    fn encode_work(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        encoder.counters(
            "heliostat_mirror_synchronizations_total",
            "Synchronizations of single repositories by how they ended: succeeded, failed (and tried again later).",
            &[("succeeded", self.runs.succeeded), ("failed", self.runs.failed)]
                .map(|(result, count)| ([("result", result)], count)),
        )?;
        encoder.counter(
            "heliostat_mirror_synchronization_seconds_total",
            "Seconds that synchronizations of single repositories have taken, all together.",
            self.runs.time.as_secs_f64(),
        )?;
        encoder.counter(
            "heliostat_mirror_sweeps_total",
            "Complete comparisons of all repositories with the upstream.",
            self.sweeps.sweeps,
        )?;
        encoder.counter(
            "heliostat_mirror_sweep_failures_total",
            "Comparisons of all repositories with the upstream that did not get to their end, and were repeated.",
            self.sweeps.failures,
        )?;
        encoder.counter(
            "heliostat_mirror_sweep_seconds_total",
            "Seconds that complete comparisons of all repositories have taken, all together.",
            self.sweeps.time.as_secs_f64(),
        )
    }
}

impl Upstream {
    fn encode(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        encoder.gauge(
            "heliostat_mirror_upstream_reachable",
            "Whether the upstream answered the latest call: 1 if it did, else 0.",
            u64::from(self.reachable),
        )?;
        encoder.gauge(
            "heliostat_mirror_upstream_last_contact_timestamp_seconds",
            "When the upstream last answered a call; NaN if it never did.",
            self.last_contact_at.unwrap_or(f64::NAN),
        )?;
        encoder.gauge(
            "heliostat_mirror_last_comparison_timestamp_seconds",
            "When a complete comparison with the upstream last ended; NaN if none ever did.",
            self.last_comparison_at.unwrap_or(f64::NAN),
        )?;
        encoder.gauge(
            "heliostat_mirror_not_known_since_timestamp_seconds",
            "Since when it is not known what the upstream has; 0 while it is known.",
            self.not_known_since.unwrap_or(0.0),
        )?;
        encoder.gauge(
            "heliostat_mirror_upstream_clock_skew_seconds",
            "By how much the clock of the upstream is ahead of this machine's, 0 where the two may well agree; NaN if that is not \
             known.",
            self.clock_skew.unwrap_or(f64::NAN),
        )
    }
}

#[cfg(test)]
impl MirrorMetrics {
    /// A mirror of which only these are behind.
    pub(super) fn of_late(late: LateRepositories) -> Self {
        Self { late, ..Self::default() }
    }
}
