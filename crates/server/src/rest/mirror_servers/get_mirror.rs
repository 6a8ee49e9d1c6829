//! GET /mirrorServers/{mirrorId}: one mirror, for any signed-in user.

use heliostat_api::upstream::GetMirrorResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// One mirror, for any signed-in user.
pub async fn get_mirror(
    role: &UpstreamOperations,
    call: Call,
    mirror_id: String,
) -> Result<GetMirrorResponse, Problem> {
    let caller = role.identify(&call).await?;
    let mirror = role.upstream.mirror(&caller, &mirror_id).await?;
    Ok(GetMirrorResponse::Ok(ApiJson(role.wire.mirror_server(&mirror))))
}
