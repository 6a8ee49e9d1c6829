//! What a mirror of another Git server learns of changes before a client asks.

use std::fmt;

use heliostat_foreign::discovery::SweepState;
use heliostat_foreign::hooks::HookCounts;

use super::encoder::{Encoder, seconds};

/// Webhooks, and lists of repositories.
#[derive(Debug, Default)]
pub struct HintMetrics {
    /// What became of webhooks.
    pub hooks: HookCounts,
    /// How many repositories wait to be looked at.
    pub waiting: usize,
    /// How the last sweep over organisations went.
    pub sweep: SweepState,
}

impl HintMetrics {
    pub(super) fn encode(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let HookCounts { noted, repeated, other, refused } = self.hooks;
        encoder.counters(
            "heliostat_origin_webhooks_total",
            "Webhooks by what became of them: noted (the repositories are looked at), repeated (taken before), other (of \
             something that changes no references), refused (not genuine, not understood, or without room).",
            &[
                ([("result", "noted")], noted),
                ([("result", "repeated")], repeated),
                ([("result", "other")], other),
                ([("result", "refused")], refused),
            ],
        )?;
        encoder.gauge(
            "heliostat_origin_refreshes_pending",
            "Repositories that wait for a refresh because a webhook or a list says that they have changed.",
            self.waiting as u64,
        )?;
        encoder.gauge(
            "heliostat_origin_listed_repositories",
            "Repositories that the provider has listed; 0 if none are to be listed.",
            self.sweep.repositories as u64,
        )?;
        encoder.gauge(
            "heliostat_origin_last_listing_timestamp_seconds",
            "When a list of all repositories was begun that could be read to its end; 0 if none ever was.",
            self.sweep.last_success_at.map_or(0.0, seconds),
        )?;
        encoder.gauge(
            "heliostat_origin_listing_failed",
            "Whether the last list of all repositories failed: 1 if it did, else 0.",
            u64::from(self.sweep.failure.is_some()),
        )
    }
}
