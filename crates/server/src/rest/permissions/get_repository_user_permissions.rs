//! GET /projects/{projectKey}/repos/{repositorySlug}/permissions/users: who has a permission for a repository.

use heliostat_api::permissions::GetRepositoryUserPermissionsResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request, try_map};

/// Who has a permission for a repository.
pub async fn get_repository_user_permissions(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
    filter: Option<String>,
    start: i64,
    limit: i32,
) -> Result<GetRepositoryUserPermissionsResponse, Problem> {
    let caller = role.identify(&call).await?;
    let filter = filter.as_deref();
    let permitted = role
        .upstream
        .repository_permissions(&caller, &project_key, &repository_slug, filter, page_request(start, limit))
        .await?;
    let permitted = try_map(permitted, |permitted| role.wire.permitted_user(&permitted))?;
    Ok(GetRepositoryUserPermissionsResponse::Ok(ApiJson(page(permitted))))
}
