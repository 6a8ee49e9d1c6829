//! PUT /projects/{projectKey}/repos/{repositorySlug}: changes what the body names.

use heliostat_api::ops::{UpdateRepository, UpdateRepositoryRequest, UpdateRepositoryResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::RepositoryChange;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl UpdateRepository for UpstreamHandlers {
    async fn update_repository(
        &self,
        call: Call,
        request: UpdateRepositoryRequest,
    ) -> Result<UpdateRepositoryResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let change = RepositoryChange {
            name: request.body.name,
            description: request.body.description,
            public: request.body.public,
            forkable: request.body.forkable,
            default_branch: request.body.default_branch,
            archived: request.body.archived,
        };
        let repository = self.upstream.repositories().update_repository(&administrator, change).await?;
        Ok(UpdateRepositoryResponse::Created(ApiJson(self.wire.repository(&repository))))
    }
}
