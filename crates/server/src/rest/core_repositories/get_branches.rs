//! GET /projects/{projectKey}/repos/{repositorySlug}/branches: the branches, sorted by name.

use heliostat_api::repositories::GetBranchesResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};

/// The branches, sorted by name.
pub async fn get_branches(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
    filter_text: Option<String>,
    start: i64,
    limit: i32,
) -> Result<GetBranchesResponse, Problem> {
    let caller = role.identify(&call).await?;
    let filter = filter_text.as_deref();
    let branches = role
        .upstream
        .branches(&caller, &project_key, &repository_slug, filter, page_request(start, limit))
        .await?;
    Ok(GetBranchesResponse::Ok(ApiJson(page(branches.map(|branch| role.wire.branch(&branch))))))
}
