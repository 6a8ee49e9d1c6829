//! PUT /projects/{projectKey}/permissions/users: grants a permission for a project.

use heliostat_api::Call;
use heliostat_api::models::ProjectPermission;
use heliostat_api::permissions::SetProjectUserPermissionResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::permission::project_permission;

/// Grants a permission for a project.
pub async fn set_project_user_permission(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    name: String,
    permission: ProjectPermission,
) -> Result<SetProjectUserPermissionResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream
        .set_project_permission(&caller, &project_key, &name, project_permission(permission))
        .await?;
    Ok(SetProjectUserPermissionResponse::NoContent)
}
