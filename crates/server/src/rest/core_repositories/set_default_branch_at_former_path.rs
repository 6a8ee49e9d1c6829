//! PUT /projects/{projectKey}/repos/{repositorySlug}/branches/default: another default branch, as libraries say it.

use heliostat_api::Call;
use heliostat_api::models::RestDefaultBranchUpdate;
use heliostat_api::repositories::SetDefaultBranchAtFormerPathResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Another default branch.
pub async fn set_default_branch_at_former_path(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
    body: RestDefaultBranchUpdate,
) -> Result<SetDefaultBranchAtFormerPathResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.set_default_branch(&caller, &project_key, &repository_slug, &body.id).await?;
    Ok(SetDefaultBranchAtFormerPathResponse::NoContent)
}
