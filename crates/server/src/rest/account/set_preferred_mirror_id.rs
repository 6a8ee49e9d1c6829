//! POST /account/settings/preferred-mirror: the caller prefers this mirror.

use heliostat_api::Call;
use heliostat_api::upstream::SetPreferredMirrorIdResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// The caller prefers this mirror.
pub async fn set_preferred_mirror_id(
    role: &UpstreamOperations,
    call: Call,
    body: String,
) -> Result<SetPreferredMirrorIdResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.set_preferred_mirror(&caller, &body).await?;
    Ok(SetPreferredMirrorIdResponse::NoContent)
}
