//! POST /projects/{projectKey}/repos/{repositorySlug}/branches: a new branch.

use heliostat_api::models::RestCreateBranchRequest;
use heliostat_api::repositories::CreateBranchForRepositoryResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// A new branch.
pub async fn create_branch_for_repository(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
    body: RestCreateBranchRequest,
) -> Result<CreateBranchForRepositoryResponse, Problem> {
    let caller = role.identify(&call).await?;
    let branch = role
        .upstream
        .create_branch(&caller, &project_key, &repository_slug, &body.name, &body.start_point)
        .await?;
    Ok(CreateBranchForRepositoryResponse::Ok(ApiJson(role.wire.branch(&branch))))
}
