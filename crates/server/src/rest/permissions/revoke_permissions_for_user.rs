//! DELETE /admin/permissions/users: takes the permission for the whole server away.

use heliostat_api::Call;
use heliostat_api::permissions::RevokePermissionsForUserResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Takes the permission for the whole server away.
pub async fn revoke_permissions_for_user(
    role: &UpstreamOperations,
    call: Call,
    name: String,
) -> Result<RevokePermissionsForUserResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.revoke_global_permission(&caller, &name).await?;
    Ok(RevokePermissionsForUserResponse::NoContent)
}
