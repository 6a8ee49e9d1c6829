//! GET /projects/{projectKey}/repos: the repositories of a project that the caller may read.

use heliostat_api::repositories::GetRepositoriesResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};

/// The repositories of a project that the caller may read.
pub async fn get_repositories(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    start: i64,
    limit: i32,
) -> Result<GetRepositoriesResponse, Problem> {
    let caller = role.identify(&call).await?;
    let project = role.upstream.project(&caller, &project_key).await?;
    let page_wanted = page_request(start, limit);
    let found = role.upstream.repositories(&caller, Some(project.id), None, page_wanted).await?;
    Ok(GetRepositoriesResponse::Ok(ApiJson(page(found.map(|repository| role.wire.repository(&repository))))))
}
