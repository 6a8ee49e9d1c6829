//! GET /repos/{repoId}/mirrors: the mirrors with a signed link to the repository on each.

use heliostat_api::upstream::GetRepositoryMirrorsResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};

/// The mirrors with a signed link to the repository on each.
pub async fn get_repository_mirrors(
    role: &UpstreamOperations,
    call: Call,
    repo_id: String,
    start: i64,
    limit: i32,
) -> Result<GetRepositoryMirrorsResponse, Problem> {
    let caller = role.identify(&call).await?;
    let mirrors = role.upstream.repository_mirrors(&caller, &repo_id, page_request(start, limit)).await?;
    let mirrors = mirrors.map(|mirror| role.wire.mirrored_repository_descriptor(mirror));
    Ok(GetRepositoryMirrorsResponse::Ok(ApiJson(page(mirrors))))
}
