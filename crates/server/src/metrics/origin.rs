//! How a mirror of another Git server stands with it, and what its readers got.

use std::fmt;

use heliostat_origin::{AccessCounters, FetchCounters, OriginStatus};

use super::encoder::{Encoder, seconds};
use super::freshness::OriginFreshnessMetrics;

/// How things are at a mirror of another Git server.
#[derive(Debug, Default)]
pub struct OriginMetrics {
    reachable: bool,
    /// In seconds since the epoch.
    last_contact_at: Option<f64>,
    repositories: usize,
    size_bytes: u64,
    damaged: u64,
    reader_access: AccessCounters,
    fetches: FetchCounters,
    freshness: OriginFreshnessMetrics,
}

impl OriginMetrics {
    /// What a mirror in this state shows, and how fresh its answers were.
    pub fn new(status: &OriginStatus, freshness: OriginFreshnessMetrics) -> Self {
        Self {
            reachable: status.contact.away_since.is_none(),
            last_contact_at: status.contact.answered_at.map(seconds),
            repositories: status.repositories,
            size_bytes: status.size_bytes,
            damaged: status.damaged,
            reader_access: status.reader_access,
            fetches: status.fetches,
            freshness,
        }
    }

    pub(super) fn encode(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        encoder.gauge(
            "heliostat_origin_reachable",
            "Whether the origin answered when it was asked last: 1 if it did, or was not asked yet, else 0.",
            u64::from(self.reachable),
        )?;
        encoder.gauge(
            "heliostat_origin_last_contact_timestamp_seconds",
            "When the origin answered last; 0 if it never has.",
            self.last_contact_at.unwrap_or_default(),
        )?;
        encoder.gauge(
            "heliostat_origin_repositories",
            "Repositories of the origin that are here.",
            self.repositories as u64,
        )?;
        encoder.gauge(
            "heliostat_origin_repositories_size_bytes",
            "Bytes that the repositories of the origin take on the disk.",
            self.size_bytes,
        )?;
        encoder.counter(
            "heliostat_origin_repositories_damaged_total",
            "Repositories that were damaged here and are fetched anew.",
            self.damaged,
        )?;
        let AccessCounters { asked, shared, refused, stale, unknown } = self.reader_access;
        encoder.counter(
            "heliostat_origin_access_checks_total",
            "Requests for which the origin was asked what their reader may read.",
            asked,
        )?;
        encoder.counter(
            "heliostat_origin_coalesced_access_checks_total",
            "Requests that shared the access check of another one.",
            shared,
        )?;
        encoder.counter(
            "heliostat_origin_refused_requests_total",
            "Requests that the origin has refused.",
            refused,
        )?;
        encoder.counter(
            "heliostat_origin_stale_requests_total",
            "Requests of known readers that were answered although the origin did not answer.",
            stale,
        )?;
        encoder.counter(
            "heliostat_origin_unanswered_requests_total",
            "Requests that were refused because the origin did not answer and the reader was not known.",
            unknown,
        )?;
        let FetchCounters { fetched, failed, objects } = self.fetches;
        encoder.counter(
            "heliostat_origin_fetches_total",
            "Fetches from the origin that have brought what was wanted.",
            fetched,
        )?;
        encoder.counter(
            "heliostat_origin_failed_fetches_total",
            "Fetches from the origin that have not.",
            failed,
        )?;
        encoder.counter(
            "heliostat_origin_fetched_objects_total",
            "Objects that were fetched by name; what they need comes with them and is not counted.",
            objects,
        )?;
        self.freshness.encode(encoder)
    }
}
