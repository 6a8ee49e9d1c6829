//! GET /mirrorRepos/delayed-sync: what has been behind for a while, the longest first.

use std::time::Duration;

use heliostat_api::mirror::GetDelayedSyncRepositoriesResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;
use crate::wire::delayed_sync;

/// How many repositories are listed at most, whatever the client says.
const MAX_DELAYED_REPOSITORIES: usize = 100;

const SECONDS_PER_MINUTE: u64 = 60;

pub async fn get_delayed_sync_repositories(
    role: &MirrorOperations,
    call: Call,
    threshold_minutes: Option<i32>,
    limit: i32,
) -> Result<GetDelayedSyncRepositoriesResponse, Problem> {
    role.require_administrator(&call).await?;
    // The contract has refused negative numbers before.
    let minutes = threshold_minutes.map(|minutes| u64::try_from(minutes).unwrap_or(0));
    let threshold = minutes.map_or(role.mirror.options().sync_tolerance, |minutes| {
        Duration::from_secs(minutes * SECONDS_PER_MINUTE)
    });
    let limit = usize::try_from(limit).unwrap_or(0).min(MAX_DELAYED_REPOSITORIES);
    let delayed = role.mirror.delayed_syncs(threshold, limit);
    let delayed = delayed.iter().map(delayed_sync).collect();
    Ok(GetDelayedSyncRepositoriesResponse::Ok(ApiJson(delayed)))
}
