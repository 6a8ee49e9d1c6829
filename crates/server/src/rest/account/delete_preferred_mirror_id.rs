//! DELETE /account/settings/preferred-mirror: the caller prefers no mirror any more.

use heliostat_api::Call;
use heliostat_api::upstream::DeletePreferredMirrorIdResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// The caller prefers no mirror any more.
pub async fn delete_preferred_mirror_id(
    role: &UpstreamOperations,
    call: Call,
) -> Result<DeletePreferredMirrorIdResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.delete_preferred_mirror(&caller).await?;
    Ok(DeletePreferredMirrorIdResponse::NoContent)
}
