//! PUT /admin/permissions/users: grants a permission for the whole server.

use heliostat_api::Call;
use heliostat_api::models::GlobalPermission;
use heliostat_api::permissions::SetPermissionForUsersResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::permission::global_permission;

/// Grants a permission for the whole server.
pub async fn set_permission_for_users(
    role: &UpstreamOperations,
    call: Call,
    name: String,
    permission: GlobalPermission,
) -> Result<SetPermissionForUsersResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.set_global_permission(&caller, &name, global_permission(permission)).await?;
    Ok(SetPermissionForUsersResponse::NoContent)
}
