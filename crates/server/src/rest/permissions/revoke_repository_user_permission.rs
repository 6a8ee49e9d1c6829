//! DELETE /projects/{projectKey}/repos/{repositorySlug}/permissions/users: takes a permission for a repository away.

use heliostat_api::Call;
use heliostat_api::permissions::RevokeRepositoryUserPermissionResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Takes a permission for a repository away.
pub async fn revoke_repository_user_permission(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
    name: String,
) -> Result<RevokeRepositoryUserPermissionResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.revoke_repository_permission(&caller, &project_key, &repository_slug, &name).await?;
    Ok(RevokeRepositoryUserPermissionResponse::NoContent)
}
