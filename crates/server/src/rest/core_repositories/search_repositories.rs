//! GET /repos: the repositories of all projects that the caller may read.

use heliostat_api::models::RepositoryVisibility;
use heliostat_api::repositories::SearchRepositoriesResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_storage::RepositorySearch;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};

/// What the query narrows the list down by.
pub struct RepositoryFilterInQuery {
    /// Part of the repository's name.
    pub name: Option<String>,
    /// Part of the project's name.
    pub projectname: Option<String>,
    /// The project's key.
    pub projectkey: Option<String>,
    /// Public ones, or those that are not.
    pub visibility: Option<RepositoryVisibility>,
}

/// The repositories of all projects that the caller may read.
pub async fn search_repositories(
    role: &UpstreamOperations,
    call: Call,
    filter: RepositoryFilterInQuery,
    start: i64,
    limit: i32,
) -> Result<SearchRepositoriesResponse, Problem> {
    let caller = role.identify(&call).await?;
    let wanted = RepositorySearch {
        name: filter.name,
        project_name: filter.projectname,
        project_key: filter.projectkey,
        public: filter.visibility.map(|visibility| visibility == RepositoryVisibility::Public),
    };
    let found = role.upstream.search_repositories(&caller, &wanted, page_request(start, limit)).await?;
    Ok(SearchRepositoriesResponse::Ok(ApiJson(page(
        found.map(|repository| role.wire.repository(&repository)),
    ))))
}
