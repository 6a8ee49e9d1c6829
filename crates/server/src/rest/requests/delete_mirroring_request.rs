//! DELETE /requests/{mirroringRequestId}: forgets a request, for SYS_ADMIN.

use heliostat_api::Call;
use heliostat_api::upstream::DeleteMirroringRequestResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Forgets a request, for SYS_ADMIN.
pub async fn delete_mirroring_request(
    role: &UpstreamOperations,
    call: Call,
    mirroring_request_id: String,
) -> Result<DeleteMirroringRequestResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.delete_request(&caller, &mirroring_request_id).await?;
    Ok(DeleteMirroringRequestResponse::NoContent)
}
