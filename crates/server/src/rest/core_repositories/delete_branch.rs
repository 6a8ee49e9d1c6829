//! DELETE /branch-utils/latest/projects/{projectKey}/repos/{repositorySlug}/branches: a branch less.

use heliostat_api::Call;
use heliostat_api::models::RestBranchDeleteRequest;
use heliostat_api::repositories::DeleteBranchResponse;
use heliostat_upstream::BranchDeletion;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// A branch less, or the answer that it could be done.
pub async fn delete_branch(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
    body: RestBranchDeleteRequest,
) -> Result<DeleteBranchResponse, Problem> {
    let caller = role.identify(&call).await?;
    let deletion = BranchDeletion { name: body.name, end_point: body.end_point };
    let upstream = &role.upstream;
    if body.dry_run == Some(true) {
        upstream.check_branch_deletion(&caller, &project_key, &repository_slug, &deletion).await?;
    } else {
        upstream.delete_branch(&caller, &project_key, &repository_slug, &deletion).await?;
    }
    Ok(DeleteBranchResponse::NoContent)
}
