//! PUT /projects/{projectKey}/repos/{repositorySlug}/permissions/users: grants a permission for a repository.

use heliostat_api::Call;
use heliostat_api::models::RepositoryPermission;
use heliostat_api::permissions::SetPermissionForUserResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::permission::repository_permission;

/// Grants a permission for a repository.
pub async fn set_permission_for_user(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
    name: String,
    permission: RepositoryPermission,
) -> Result<SetPermissionForUserResponse, Problem> {
    let caller = role.identify(&call).await?;
    let permission = repository_permission(permission);
    role.upstream
        .set_repository_permission(&caller, &project_key, &repository_slug, &name, permission)
        .await?;
    Ok(SetPermissionForUserResponse::NoContent)
}
