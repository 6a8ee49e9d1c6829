//! How clones and fetches are answered: from the response cache, or by computing.
//!
//! Counters come in pairs that explain each other: hits and misses, bytes served and bytes computed.

use std::fmt;

use heliostat_git_serve::{ServingCounters, StoredAnswers};

use super::repository_names::RepositoryNames;

use super::encoder::Encoder;

/// Single repositories are shown for this many of them: those with the most bytes in the cache.
const MAX_LABELLED_REPOSITORIES: usize = 100;

pub fn encode(serving: &ServingCounters, names: &RepositoryNames, encoder: &mut Encoder<'_>) -> fmt::Result {
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
    encode_contents(&serving.repositories, names, encoder)
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

fn encode_contents(all: &[StoredAnswers], names: &RepositoryNames, encoder: &mut Encoder<'_>) -> fmt::Result {
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
    let largest = largest(all);
    let labelled = |part: fn(&StoredAnswers) -> u64| -> Vec<_> {
        let named =
            largest.iter().filter_map(|stored| Some((names.labels(stored.repository)?, part(stored))));
        named.collect()
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

/// Those that are shown one by one.
fn largest(all: &[StoredAnswers]) -> Vec<StoredAnswers> {
    let mut largest = all.to_vec();
    largest.sort_by_key(|stored| (std::cmp::Reverse(stored.bytes), stored.repository));
    largest.truncate(MAX_LABELLED_REPOSITORIES);
    largest
}

/// Their numbers on disk, of which names are wanted.
pub fn shown_repositories(serving: &ServingCounters) -> Vec<u64> {
    largest(&serving.repositories).iter().map(|stored| stored.repository).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::snapshot::Metrics;

    #[test]
    fn only_the_largest_repositories_have_metrics_of_their_own_by_name() {
        let count = MAX_LABELLED_REPOSITORIES as u64 + 20;
        let stored = |id| StoredAnswers { repository: id, entries: 2, bytes: id };
        let serving =
            ServingCounters { repositories: (1..=count).map(stored).collect(), ..ServingCounters::default() };
        let paths = shown_repositories(&serving).into_iter().filter(|number| *number != 50);
        let names = paths.map(|number| (number, "PRJ".to_owned(), format!("r{number}"))).collect();
        let names = RepositoryNames::in_projects(names);
        let text = Metrics { serving, names, ..Metrics::default() }.text();
        let prefix = "heliostat_response_cache_repository_entries{";
        let shown = text.lines().filter(|line| line.starts_with(prefix)).count();
        assert_eq!(shown, MAX_LABELLED_REPOSITORIES - 1, "one has no name by now");
        let largest = format!(r#"{prefix}project="PRJ",repository="r{count}"}} 2"#);
        assert!(text.lines().any(|line| line == largest), "{text}");
        assert!(!text.contains(r#"repository="r20""#));
        assert!(text.contains(&format!("heliostat_response_cache_entries {}\n", 2 * count)));
    }
}
