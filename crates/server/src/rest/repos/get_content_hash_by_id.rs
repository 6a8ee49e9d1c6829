//! GET /repos/{repoId}: one repository with what mirrors compare.

use heliostat_api::upstream::GetContentHashByIdResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// One repository with what mirrors compare.
pub async fn get_content_hash_by_id(
    role: &UpstreamOperations,
    call: Call,
    repo_id: String,
    include_default_branch: bool,
) -> Result<GetContentHashByIdResponse, Problem> {
    let caller = role.identify(&call).await?;
    let repository = role.upstream.repository_by_id(&caller, &repo_id).await?;
    let enriched = role.wire.enriched_repository(&repository, include_default_branch);
    Ok(GetContentHashByIdResponse::Ok(ApiJson(enriched)))
}
