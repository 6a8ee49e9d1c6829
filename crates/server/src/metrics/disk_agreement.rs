//! Whether an upstream's records and its disk agree.

use std::fmt;

use heliostat_upstream::DiskAgreement;

use super::encoder::Encoder;

/// Numbers of repositories about which they do not.
#[derive(Debug, Default)]
pub struct DiskMetrics {
    unserved: usize,
    unrecorded: usize,
}

impl DiskMetrics {
    /// What an upstream shows that has found this.
    pub fn new(found: &DiskAgreement) -> Self {
        DiskMetrics { unserved: found.unserved.len(), unrecorded: found.unrecorded.len() }
    }

    pub(super) fn encode(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        encoder.gauge(
            "heliostat_upstream_repositories_unserved",
            "Recorded repositories that are missing or damaged on the upstream's disk and therefore not served.",
            self.unserved as u64,
        )?;
        encoder.gauge(
            "heliostat_upstream_repositories_unrecorded",
            "Repositories on the upstream's disk that no record knows.",
            self.unrecorded as u64,
        )
    }
}
