//! DELETE /mirrorServers/{mirrorId}: ends a mirror's membership, for SYS_ADMIN.

use heliostat_api::Call;
use heliostat_api::upstream::RemoveResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Ends a mirror's membership, for SYS_ADMIN.
pub async fn remove(
    role: &UpstreamOperations,
    call: Call,
    mirror_id: String,
) -> Result<RemoveResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.remove_mirror(&caller, &mirror_id).await?;
    Ok(RemoveResponse::NoContent)
}
