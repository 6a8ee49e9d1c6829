//! PUT /projects/{projectKey}/repos/{repositorySlug}/default-branch: another default branch.

use heliostat_api::Call;
use heliostat_api::models::RestDefaultBranchUpdate;
use heliostat_api::repositories::SetDefaultBranchResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Another default branch.
pub async fn set_default_branch(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
    body: RestDefaultBranchUpdate,
) -> Result<SetDefaultBranchResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.set_default_branch(&caller, &project_key, &repository_slug, &body.id).await?;
    Ok(SetDefaultBranchResponse::NoContent)
}
