//! DELETE /projects/{projectKey}/repos/{repositorySlug}: takes a repository out of service at once.

use heliostat_api::Call;
use heliostat_api::ops::{DeleteRepository, DeleteRepositoryRequest, DeleteRepositoryResponse};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl DeleteRepository for UpstreamHandlers {
    async fn delete_repository(
        &self,
        call: Call,
        request: DeleteRepositoryRequest,
    ) -> Result<DeleteRepositoryResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        self.upstream.repositories().delete_repository(&administrator).await?;
        Ok(DeleteRepositoryResponse::Accepted)
    }
}
