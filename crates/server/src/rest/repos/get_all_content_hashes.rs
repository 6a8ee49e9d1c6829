//! GET /repos: the repositories of all projects with what mirrors compare.

use heliostat_api::models::BooleanText;
use heliostat_api::upstream::GetAllContentHashesResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};

/// The repositories of all projects with what mirrors compare.
pub async fn get_all_content_hashes(
    role: &UpstreamOperations,
    call: Call,
    include_default_branch: BooleanText,
    start: i64,
    limit: i32,
) -> Result<GetAllContentHashesResponse, Problem> {
    let caller = role.identify(&call).await?;
    let with_branch = include_default_branch == BooleanText::True;
    let found = role.upstream.repositories(&caller, None, None, page_request(start, limit)).await?;
    let found = found.map(|repository| role.wire.enriched_repository(&repository, with_branch));
    Ok(GetAllContentHashesResponse::Ok(ApiJson(page(found))))
}
