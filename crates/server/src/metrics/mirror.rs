//! How far a mirror is behind its upstream, and what its readers got.

use std::fmt;
use std::time::Duration;

use heliostat_mirror::MirrorStatus;

use super::encoder::Encoder;
use super::freshness::FreshnessMetrics;

/// How far a mirror is.
#[derive(Debug, Default)]
pub struct MirrorMetrics {
    ready: bool,
    available: usize,
    failing: usize,
    held: usize,
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
            "heliostat_mirror_lag_seconds",
            "Seconds since the oldest change that the upstream has announced and that is not here yet; 0 if there is \
             none.",
            self.lag.as_secs_f64(),
        )?;
        self.freshness.encode(encoder)
    }
}
