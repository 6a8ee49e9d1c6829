//! How it goes with repositories of an upstream that follow one of another server.

use std::fmt;

use heliostat_upstream::FollowingStatus;

use super::encoder::Encoder;

pub fn encode(status: &FollowingStatus, encoder: &mut Encoder<'_>) -> fmt::Result {
    encoder.gauge(
        "heliostat_upstream_following_repositories",
        "Repositories that follow one of another server.",
        status.repositories as u64,
    )?;
    encoder.gauge(
        "heliostat_upstream_following_repositories_failing",
        "Repositories that could not be brought in step with what they follow by the last look.",
        status.failing as u64,
    )?;
    encoder.gauge(
        "heliostat_upstream_following_lag_seconds",
        "Seconds since the repository was equal to what it follows that was so least lately.",
        status.longest_lag.unwrap_or_default().as_secs_f64(),
    )?;
    encoder.counters(
        "heliostat_upstream_following_looks_total",
        "Looks at what repositories follow, by how they ended.",
        &[
            ([("result", "unchanged")], status.unchanged),
            ([("result", "changed")], status.changed),
            ([("result", "failed")], status.failed),
        ],
    )
}
