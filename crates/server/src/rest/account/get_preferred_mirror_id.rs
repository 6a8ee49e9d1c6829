//! GET /account/settings/preferred-mirror: the caller's preferred mirror.

use heliostat_api::upstream::GetPreferredMirrorIdResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// The caller's preferred mirror.
pub async fn get_preferred_mirror_id(
    role: &UpstreamOperations,
    call: Call,
) -> Result<GetPreferredMirrorIdResponse, Problem> {
    let caller = role.identify(&call).await?;
    let mirror = role.upstream.preferred_mirror(&caller).await?;
    Ok(GetPreferredMirrorIdResponse::Ok(ApiJson(role.wire.mirror_server(&mirror))))
}
