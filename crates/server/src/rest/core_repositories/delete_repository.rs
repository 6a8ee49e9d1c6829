//! DELETE /projects/{projectKey}/repos/{repositorySlug}: takes a repository out of service at once.

use heliostat_api::Call;
use heliostat_api::repositories::DeleteRepositoryResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Takes a repository out of service at once.
pub async fn delete_repository(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
) -> Result<DeleteRepositoryResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.delete_repository(&caller, &project_key, &repository_slug).await?;
    Ok(DeleteRepositoryResponse::Accepted)
}
