//! DELETE /projects/{projectKey}/permissions/users: takes a permission for a project away.

use heliostat_api::Call;
use heliostat_api::permissions::RevokeProjectUserPermissionResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Takes a permission for a project away.
pub async fn revoke_project_user_permission(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    name: String,
) -> Result<RevokeProjectUserPermissionResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.revoke_project_permission(&caller, &project_key, &name).await?;
    Ok(RevokeProjectUserPermissionResponse::NoContent)
}
