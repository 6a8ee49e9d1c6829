//! GET /projects/{projectId}/repos: the repositories of a project with what mirrors compare.

use heliostat_api::models::BooleanText;
use heliostat_api::upstream::GetAllReposForProjectResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};

/// The repositories of a project with what mirrors compare.
pub async fn get_all_repos_for_project(
    role: &UpstreamOperations,
    call: Call,
    project_id: String,
    include_default_branch: BooleanText,
    start: i64,
    limit: i32,
) -> Result<GetAllReposForProjectResponse, Problem> {
    let caller = role.identify(&call).await?;
    let with_branch = include_default_branch == BooleanText::True;
    let project = role.upstream.project_by_id(&caller, &project_id).await?;
    let page_wanted = page_request(start, limit);
    let found = role.upstream.repositories(&caller, Some(project.id), None, page_wanted).await?;
    let found = found.map(|repository| role.wire.enriched_repository(&repository, with_branch));
    Ok(GetAllReposForProjectResponse::Ok(ApiJson(page(found))))
}
