//! How far a mirror is behind its upstream, and what its readers got.

use std::fmt;
use std::time::Duration;

use heliostat_mirror::{DiskCounters, MirrorStatus, RepairCounters};

use super::encoder::Encoder;
use super::freshness::FreshnessMetrics;

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
    lag: Duration,
    freshness: FreshnessMetrics,
}

impl MirrorMetrics {
    /// What a mirror in this state shows, and how fresh its answers were.
    pub fn new(status: &MirrorStatus, freshness: FreshnessMetrics) -> Self {
        let lag_ms = status.lag_ms.and_then(|lag| u64::try_from(lag).ok()).unwrap_or_default();
        MirrorMetrics {
            ready: status.ready,
            available: status.available,
            failing: status.failing,
            held: status.held,
            in_repair: status.in_repair,
            repairs: status.repairs,
            disk: status.disk,
            lag: Duration::from_millis(lag_ms),
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
            "heliostat_mirror_disk_looks_total",
            "Repositories that were looked at on disk: references, sizes, beginnings and ends of files.",
            self.disk.looks,
        )?;
        encoder.counter(
            "heliostat_mirror_disk_checks_total",
            "Repositories whose every object was read and checked.",
            self.disk.checks,
        )?;
        encoder.gauge(
            "heliostat_mirror_lag_seconds",
            "Seconds since the oldest change that the upstream has announced and that is not here yet; 0 if there is \
             none.",
            self.lag.as_secs_f64(),
        )?;
        self.freshness.encode(encoder)
    }
}
