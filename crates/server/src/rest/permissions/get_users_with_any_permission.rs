//! GET /admin/permissions/users: who has a permission for the whole server, for administrators.

use heliostat_api::permissions::GetUsersWithAnyPermissionResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request, try_map};

/// Who has a permission for the whole server, for administrators.
pub async fn get_users_with_any_permission(
    role: &UpstreamOperations,
    call: Call,
    filter: Option<String>,
    start: i64,
    limit: i32,
) -> Result<GetUsersWithAnyPermissionResponse, Problem> {
    let caller = role.identify(&call).await?;
    let filter = filter.as_deref();
    let permitted = role.upstream.global_permissions(&caller, filter, page_request(start, limit)).await?;
    let permitted = try_map(permitted, |permitted| role.wire.permitted_user(&permitted))?;
    Ok(GetUsersWithAnyPermissionResponse::Ok(ApiJson(page(permitted))))
}
