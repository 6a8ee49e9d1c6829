//! POST /upstreamServers/{upstreamId}/repos/{upstreamRepoId}/synchronization: gone; mirrors synchronise by themselves.

use heliostat_api::mirror::SynchronizeRepositoryWithUpstreamResponse;
use heliostat_refusal::Refusal;

use crate::problem::Problem;

pub fn synchronize_repository_with_upstream() -> Result<SynchronizeRepositoryWithUpstreamResponse, Problem> {
    Err(Refusal::gone(
        "Synchronization can no longer be requested: a mirror follows each push by itself and compares everything \
         with its upstream at regular intervals. GET /upstreamServers/{upstreamId}/repos/{upstreamRepoId} tells \
         how far this repository is.",
    )
    .into())
}
