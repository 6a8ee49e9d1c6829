//! What an upstream holds, what it is told by pushes, and how webhooks hear of that.

use std::fmt;

use heliostat_upstream::{PushCounters, UpstreamCounts, WebhookCounters};

use super::encoder::{Encoder, seconds};

/// How things are at an upstream.
#[derive(Debug, Default)]
pub struct UpstreamMetrics {
    /// What became of pushes.
    pub pushes: PushCounters,
    /// What became of calls of webhooks.
    pub webhooks: WebhookCounters,
    /// How much there is, and what waits, if the database tells.
    pub counts: Option<UpstreamCounts>,
}

impl UpstreamMetrics {
    pub(super) fn encode(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let PushCounters { changed, unchanged, failed } = self.pushes;
        encoder.counters(
            "heliostat_upstream_pushes_total",
            "Pushes that were let in, by what became of them: changed (references have changed), unchanged (nothing was \
             to be changed, or all of it was refused), failed (broken off by the client, or by a fault here).",
            &[
                ([("result", "changed")], changed),
                ([("result", "unchanged")], unchanged),
                ([("result", "failed")], failed),
            ],
        )?;
        let WebhookCounters { delivered, repeated, given_up, dropped } = self.webhooks;
        encoder.counters(
            "heliostat_upstream_webhook_deliveries_total",
            "Attempts to tell webhooks of events, by how they ended: delivered, repeated (not taken, and sent again), \
             given_up (not taken, and not sent again).",
            &[
                ([("result", "delivered")], delivered),
                ([("result", "repeated")], repeated),
                ([("result", "given_up")], given_up),
            ],
        )?;
        encoder.counter(
            "heliostat_upstream_webhook_events_dropped_total",
            "Events that were not sent to a webhook because too many waited for it.",
            dropped,
        )?;
        self.counts.map_or(Ok(()), |counts| encode_counts(&counts, encoder))
    }
}

fn encode_counts(counts: &UpstreamCounts, encoder: &mut Encoder<'_>) -> fmt::Result {
    encoder.gauge(
        "heliostat_upstream_webhook_events_pending",
        "Events that webhooks have not taken in yet.",
        counts.webhooks.events,
    )?;
    encoder.gauge(
        "heliostat_upstream_webhook_lag_seconds",
        "Seconds since the oldest of these events; 0 if none waits.",
        counts.webhook_lag_ms.map_or(0.0, seconds),
    )?;
    encoder.gauge(
        "heliostat_upstream_webhooks_failing",
        "Webhooks that did not take the last event that they were sent.",
        counts.webhooks.failing_webhooks,
    )?;
    let held = counts.holdings;
    encoder.gauge(
        "heliostat_upstream_webhooks",
        "Webhooks, those that are switched off included.",
        held.webhooks,
    )?;
    encoder.gauge("heliostat_upstream_projects", "Projects.", held.projects)?;
    encoder.gauge("heliostat_upstream_repositories", "Repositories.", held.repositories)?;
    encoder.gauge("heliostat_upstream_users", "Users, those that may not sign in included.", held.users)?;
    encoder.gauge(
        "heliostat_upstream_join_requests_pending",
        "Mirrors that ask to join and wait for a decision.",
        counts.pending_requests,
    )
}
