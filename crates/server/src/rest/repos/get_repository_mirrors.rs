//! GET /repos/{repoId}/mirrors: the mirrors with a link to the repository on each, signed unless asked otherwise.

use heliostat_api::upstream::GetRepositoryMirrorsResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::LinkAuthorization;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};

/// The mirrors with a signed link to the repository on each.
pub async fn get_repository_mirrors(
    role: &UpstreamOperations,
    call: Call,
    repo_id: String,
    pre_authorized: bool,
    start: i64,
    limit: i32,
) -> Result<GetRepositoryMirrorsResponse, Problem> {
    let caller = role.identify(&call).await?;
    let links = if pre_authorized { LinkAuthorization::Signed } else { LinkAuthorization::Plain };
    let wanted = page_request(start, limit);
    let mirrors = role.upstream.repository_mirrors(&caller, &repo_id, links, wanted).await?;
    let mirrors = mirrors.map(|mirror| role.wire.mirrored_repository_descriptor(mirror));
    Ok(GetRepositoryMirrorsResponse::Ok(ApiJson(page(mirrors))))
}
