//! GET /projects/{projectKey}: one project.

use heliostat_api::projects::GetProjectResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// One project.
pub async fn get_project(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
) -> Result<GetProjectResponse, Problem> {
    let caller = role.identify(&call).await?;
    let project = role.upstream.project(&caller, &project_key).await?;
    Ok(GetProjectResponse::Ok(ApiJson(role.wire.project(&project))))
}
