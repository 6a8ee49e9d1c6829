//! POST /upstreamServers/{upstreamId}/synchronization: gone; mirrors synchronise by themselves.

use heliostat_api::mirror::SynchronizeWithUpstreamResponse;
use heliostat_refusal::Refusal;

use crate::problem::Problem;

pub fn synchronize_with_upstream() -> Result<SynchronizeWithUpstreamResponse, Problem> {
    Err(Refusal::gone(
        "Synchronization can no longer be requested: a mirror follows each push by itself and compares everything \
         with its upstream at regular intervals. GET /upstreamServers/{upstreamId}/progress tells how far it is.",
    )
    .into())
}
