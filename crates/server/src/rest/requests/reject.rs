//! POST /requests/{mirroringRequestId}/reject: turns a mirror away, for SYS_ADMIN.

use heliostat_api::upstream::RejectResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Turns a mirror away, for SYS_ADMIN.
pub async fn reject(
    role: &UpstreamOperations,
    call: Call,
    mirroring_request_id: String,
) -> Result<RejectResponse, Problem> {
    let caller = role.identify(&call).await?;
    let request = role.upstream.reject(&caller, &mirroring_request_id).await?;
    Ok(RejectResponse::Ok(ApiJson(role.wire.rejected_mirror(&request))))
}
