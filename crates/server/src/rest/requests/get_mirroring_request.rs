//! GET /requests/{mirroringRequestId}: one request, for SYS_ADMIN.

use heliostat_api::upstream::GetMirroringRequestResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// One request, for SYS_ADMIN.
pub async fn get_mirroring_request(
    role: &UpstreamOperations,
    call: Call,
    mirroring_request_id: String,
) -> Result<GetMirroringRequestResponse, Problem> {
    let caller = role.identify(&call).await?;
    let request = role.upstream.request(&caller, &mirroring_request_id).await?;
    Ok(GetMirroringRequestResponse::Ok(ApiJson(role.wire.mirroring_request(&request))))
}
