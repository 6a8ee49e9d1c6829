//! GET /projects/{projectKey}/repos/{repositorySlug}/branches: the branches, by name or by age.

use heliostat_api::models;
use heliostat_api::repositories::GetBranchesResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::{BranchOrder, BranchQuery};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};

/// Which branches a client asks for, as the query says it.
pub struct BranchesInQuery {
    /// A part of the name.
    pub filter_text: Option<String>,
    /// The order.
    pub order_by: Option<models::BranchOrder>,
    /// Whether better matches come first: `true` or `false`, the first letter in either case.
    pub boost_matches: String,
}

/// The branches, by name or by age.
pub async fn get_branches(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
    query: BranchesInQuery,
    start: i64,
    limit: i32,
) -> Result<GetBranchesResponse, Problem> {
    let caller = role.identify(&call).await?;
    let query = BranchQuery {
        text: query.filter_text.unwrap_or_default(),
        order: match query.order_by {
            Some(models::BranchOrder::Modification) => BranchOrder::Youngest,
            Some(models::BranchOrder::Alphabetical) | None => BranchOrder::Name,
        },
        boost_matches: query.boost_matches.eq_ignore_ascii_case("true"),
    };
    let branches = role
        .upstream
        .branches(&caller, &project_key, &repository_slug, query, page_request(start, limit))
        .await?;
    Ok(GetBranchesResponse::Ok(ApiJson(page(branches.map(|branch| role.wire.branch(&branch))))))
}
