//! POST /requests/{mirroringRequestId}/accept: lets a mirror in, for SYS_ADMIN.

use heliostat_api::models::RestMirrorAcceptance;
use heliostat_api::upstream::AcceptResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Lets a mirror in, for SYS_ADMIN.
pub async fn accept(
    role: &UpstreamOperations,
    call: Call,
    mirroring_request_id: String,
    body: Option<RestMirrorAcceptance>,
) -> Result<AcceptResponse, Problem> {
    let caller = role.identify(&call).await?;
    let project_ids = body.and_then(|body| body.project_ids);
    let mirror = role.upstream.accept(&caller, &mirroring_request_id, project_ids).await?;
    Ok(AcceptResponse::Ok(ApiJson(role.wire.mirror_server(&mirror))))
}
