//! DELETE /projects/{projectKey}: deletes a project without repositories.

use heliostat_api::Call;
use heliostat_api::projects::DeleteProjectResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Deletes a project without repositories.
pub async fn delete_project(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
) -> Result<DeleteProjectResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.delete_project(&caller, &project_key).await?;
    Ok(DeleteProjectResponse::NoContent)
}
