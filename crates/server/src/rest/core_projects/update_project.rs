//! PUT /projects/{projectKey}: changes what the body names.

use heliostat_api::models::RestProjectUpdate;
use heliostat_api::projects::UpdateProjectResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_storage::ProjectUpdate;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Changes what the body names.
pub async fn update_project(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    body: RestProjectUpdate,
) -> Result<UpdateProjectResponse, Problem> {
    let caller = role.identify(&call).await?;
    let update =
        ProjectUpdate { key: body.key, name: body.name, description: body.description, public: body.public };
    let project = role.upstream.update_project(&caller, &project_key, update).await?;
    Ok(UpdateProjectResponse::Ok(ApiJson(role.wire.project(&project))))
}
