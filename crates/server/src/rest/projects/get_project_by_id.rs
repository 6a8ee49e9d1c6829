//! GET /projects/{projectId}: one project, for mirrors and for those who may read it.

use heliostat_api::upstream::GetProjectByIdResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// One project, for mirrors and for those who may read it.
pub async fn get_project_by_id(
    role: &UpstreamOperations,
    call: Call,
    project_id: String,
) -> Result<GetProjectByIdResponse, Problem> {
    let caller = role.identify(&call).await?;
    let project = role.upstream.project_by_id(&caller, &project_id).await?;
    Ok(GetProjectByIdResponse::Ok(ApiJson(role.wire.project(&project))))
}
