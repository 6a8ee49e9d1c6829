//! GET /projects/{projectKey}/repos/{repositorySlug}: one repository.

use heliostat_api::repositories::GetRepositoryResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// One repository.
pub async fn get_repository(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
) -> Result<GetRepositoryResponse, Problem> {
    let caller = role.identify(&call).await?;
    let repository = role.upstream.repository(&caller, &project_key, &repository_slug).await?;
    Ok(GetRepositoryResponse::Ok(ApiJson(role.wire.repository(&repository))))
}
