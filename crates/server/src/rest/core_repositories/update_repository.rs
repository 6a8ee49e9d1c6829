//! PUT /projects/{projectKey}/repos/{repositorySlug}: changes what the body names.

use heliostat_api::models::RestRepositoryUpdate;
use heliostat_api::repositories::UpdateRepositoryResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::RepositoryChange;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Changes what the body names.
pub async fn update_repository(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
    body: RestRepositoryUpdate,
) -> Result<UpdateRepositoryResponse, Problem> {
    let caller = role.identify(&call).await?;
    let change = RepositoryChange {
        name: body.name,
        description: body.description,
        public: body.public,
        forkable: body.forkable,
        default_branch: body.default_branch,
        archived: body.archived,
    };
    let repository = role.upstream.update_repository(&caller, &project_key, &repository_slug, change).await?;
    Ok(UpdateRepositoryResponse::Created(ApiJson(role.wire.repository(&repository))))
}
