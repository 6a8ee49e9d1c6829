//! POST /branch-utils/latest/projects/{projectKey}/repos/{repositorySlug}/branches: a new branch.

use heliostat_api::models::RestBranchCreateRequest;
use heliostat_api::repositories::CreateBranchResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// A new branch.
pub async fn create_branch(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
    body: RestBranchCreateRequest,
) -> Result<CreateBranchResponse, Problem> {
    let caller = role.identify(&call).await?;
    let branch = role
        .upstream
        .create_branch(&caller, &project_key, &repository_slug, &body.name, &body.start_point)
        .await?;
    Ok(CreateBranchResponse::Created(ApiJson(role.wire.branch(&branch))))
}
