//! GET /projects/{projectKey}/repos/{repositorySlug}: one repository.

use heliostat_api::ops::{GetRepository, GetRepositoryRequest, GetRepositoryResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::http::remembered_answers;
use crate::rest::UpstreamHandlers;

impl GetRepository for UpstreamHandlers {
    async fn get_repository(
        &self,
        call: Call,
        request: GetRepositoryRequest,
    ) -> Result<GetRepositoryResponse, Problem> {
        remembered_answers::begin().await;
        let caller = self.identify(&call).await?;
        let repository = self
            .upstream
            .repositories()
            .repository(&caller, &request.project_key, &request.repository_slug)
            .await?;
        remembered_answers::shows(repository.id);
        Ok(GetRepositoryResponse::Ok(ApiJson(self.wire.repository(&repository))))
    }
}
