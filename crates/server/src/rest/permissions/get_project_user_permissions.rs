//! GET /projects/{projectKey}/permissions/users: who has a permission for a project.

use heliostat_api::permissions::GetProjectUserPermissionsResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request, try_map};

/// Who has a permission for a project.
pub async fn get_project_user_permissions(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    filter: Option<String>,
    start: i64,
    limit: i32,
) -> Result<GetProjectUserPermissionsResponse, Problem> {
    let caller = role.identify(&call).await?;
    let filter = filter.as_deref();
    let permitted =
        role.upstream.project_permissions(&caller, &project_key, filter, page_request(start, limit)).await?;
    let permitted = try_map(permitted, |permitted| role.wire.permitted_user(&permitted))?;
    Ok(GetProjectUserPermissionsResponse::Ok(ApiJson(page(permitted))))
}
