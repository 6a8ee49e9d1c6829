//! How clones and fetches are answered: from the response cache, or by computing.
//!
//! Counters come in pairs that explain each other: hits and misses, bytes served and bytes computed.

use std::fmt;

use heliostat_git_serve::{ServingCounters, StoredAnswers};

use super::encoder::Encoder;

/// Single repositories are shown for this many of them: those with the most bytes in the cache.
pub const MAX_LABELLED_REPOSITORIES: usize = 100;

pub fn encode(serving: &ServingCounters, encoder: &mut Encoder<'_>) -> fmt::Result {
    encoder.counters(
        "heliostat_response_cache_requests_total",
        "Clones and fetches by how the cache answered: hit (was stored), coalesced (shares a computation that was \
         running for another client), miss (had to be computed).",
        &[
            ([("result", "hit")], serving.hits),
            ([("result", "coalesced")], serving.joins),
            ([("result", "miss")], serving.misses),
        ],
    )?;
    encoder.counter(
        "heliostat_response_cache_served_bytes_total",
        "Bytes that clients have read from the cache.",
        serving.served_bytes,
    )?;
    encoder.counter(
        "heliostat_response_cache_computed_bytes_total",
        "Bytes of responses that were computed.",
        serving.generated_bytes,
    )?;
    encoder.counter(
        "heliostat_response_cache_cpu_saved_seconds_total",
        "Seconds of CPU time that cached responses would have cost if they had been computed again.",
        serving.saved.as_secs_f64(),
    )?;
    encoder.counter(
        "heliostat_response_cache_prewarmed_total",
        "Responses that were computed before a client asked, because a branch had moved.",
        serving.prepared,
    )?;
    encoder.counter(
        "heliostat_response_cache_evictions_total",
        "Cached responses that were removed to make room.",
        serving.evictions,
    )?;
    encoder.counter(
        "heliostat_response_cache_corruptions_total",
        "Cached responses that were found damaged on disk and were removed.",
        serving.damaged,
    )?;
    encoder.counter(
        "heliostat_response_cache_not_stored_total",
        "Computed responses that were sent but could not be stored.",
        serving.not_stored,
    )?;
    encode_computations(serving, encoder)?;
    encode_contents(&serving.repositories, encoder)
}

fn encode_computations(serving: &ServingCounters, encoder: &mut Encoder<'_>) -> fmt::Result {
    encoder.counter(
        "heliostat_response_computations_started_total",
        "Computations of responses that were started, prewarming included.",
        serving.turns,
    )?;
    encoder.counter(
        "heliostat_response_computations_delayed_total",
        "Computations that had to wait because as many were running as are allowed, for all or for one client or repository (--fetch-parallelism).",
        serving.waits,
    )?;
    encoder.counter(
        "heliostat_response_computations_wait_seconds_total",
        "Seconds that delayed computations have waited, all together.",
        serving.waited.as_secs_f64(),
    )?;
    encoder.counter(
        "heliostat_response_computations_abandoned_total",
        "Computations that were stopped because no client waited for them any more.",
        serving.abandoned,
    )?;
    encoder.counter(
        "heliostat_response_computations_from_bundle_total",
        "Computed clones that begin with the pack behind the repository's bundle.",
        serving.from_bundle,
    )?;
    encoder.gauge(
        "heliostat_response_computations_running",
        "Computations that run now.",
        serving.running,
    )?;
    encoder.gauge(
        "heliostat_response_computations_waiting",
        "Computations that wait for a free slot now.",
        serving.waiting,
    )
}

fn encode_contents(all: &[StoredAnswers], encoder: &mut Encoder<'_>) -> fmt::Result {
    let sum = |part: fn(&StoredAnswers) -> u64| all.iter().map(part).sum::<u64>();
    encoder.gauge(
        "heliostat_response_cache_entries",
        "Responses in the cache now.",
        sum(|stored| stored.entries),
    )?;
    encoder.gauge(
        "heliostat_response_cache_size_bytes",
        "Bytes of the responses in the cache now.",
        sum(|stored| stored.bytes),
    )?;
    let mut largest = all.to_vec();
    largest.sort_by_key(|stored| (std::cmp::Reverse(stored.bytes), stored.repository));
    largest.truncate(MAX_LABELLED_REPOSITORIES);
    let labelled = |part: fn(&StoredAnswers) -> u64| -> Vec<_> {
        largest.iter().map(|stored| ([("repository", stored.repository)], part(stored))).collect()
    };
    let most = format!("for the {MAX_LABELLED_REPOSITORIES} repositories with the most bytes in it");
    encoder.gauges(
        "heliostat_response_cache_repository_entries",
        &format!("Responses in the cache now by repository, {most}."),
        &labelled(|stored| stored.entries),
    )?;
    encoder.gauges(
        "heliostat_response_cache_repository_size_bytes",
        &format!("Bytes of the responses in the cache now by repository, {most}."),
        &labelled(|stored| stored.bytes),
    )
}
