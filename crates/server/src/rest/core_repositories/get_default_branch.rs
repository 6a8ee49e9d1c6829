//! GET /projects/{projectKey}/repos/{repositorySlug}/default-branch: the branch that a clone checks out.

use heliostat_api::repositories::GetDefaultBranchResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// The branch that a clone checks out.
pub async fn get_default_branch(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
) -> Result<GetDefaultBranchResponse, Problem> {
    let caller = role.identify(&call).await?;
    let branch = role.upstream.default_branch(&caller, &project_key, &repository_slug).await?;
    Ok(GetDefaultBranchResponse::Ok(ApiJson(role.wire.minimal_ref(&branch))))
}
