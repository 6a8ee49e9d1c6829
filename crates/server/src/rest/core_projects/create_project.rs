//! POST /projects: a new project, administered by its creator.

use heliostat_api::models::RestProjectRequest;
use heliostat_api::projects::CreateProjectResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::ProjectCreation;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// A new project, administered by its creator.
pub async fn create_project(
    role: &UpstreamOperations,
    call: Call,
    body: RestProjectRequest,
) -> Result<CreateProjectResponse, Problem> {
    let caller = role.identify(&call).await?;
    let creation = ProjectCreation {
        key: body.key,
        name: body.name,
        description: body.description,
        public: body.public.unwrap_or(false),
    };
    let project = role.upstream.create_project(&caller, creation).await?;
    Ok(CreateProjectResponse::Created(ApiJson(role.wire.project(&project))))
}
