//! What housekeeping has to do and has done: repacking, and bundles made of what was packed.

use std::fmt;

use heliostat_git_serve::HousekeepingCounters;

use super::encoder::Encoder;

pub fn encode(housekeeping: &HousekeepingCounters, encoder: &mut Encoder<'_>) -> fmt::Result {
    encoder.counter(
        "heliostat_housekeeping_runs_total",
        "Repositories that were repacked.",
        housekeeping.runs,
    )?;
    encoder.counter(
        "heliostat_housekeeping_failures_total",
        "Repositories whose repacking failed.",
        housekeeping.failures,
    )?;
    encoder.counter(
        "heliostat_housekeeping_busy_seconds_total",
        "Seconds that repacking took, all runs together.",
        housekeeping.busy.as_secs_f64(),
    )?;
    encoder.counter(
        "heliostat_housekeeping_removed_packs_total",
        "Packs that were removed because newer packs replace them.",
        housekeeping.removed_packs,
    )?;
    encoder.counter(
        "heliostat_housekeeping_removed_bytes_total",
        "Bytes of the packs that were removed.",
        housekeeping.removed_bytes,
    )?;
    encoder.gauge(
        "heliostat_housekeeping_pending_repositories",
        "Repositories that have changed and wait for housekeeping, or are being worked on.",
        housekeeping.pending,
    )?;
    encoder.gauge(
        "heliostat_repositories_with_bundle",
        "Repositories that offer a bundle to begin a clone with.",
        housekeeping.bundles,
    )
}
