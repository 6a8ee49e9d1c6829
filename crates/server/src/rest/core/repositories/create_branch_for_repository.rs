//! POST /projects/{projectKey}/repos/{repositorySlug}/branches: a new branch.

use heliostat_api::ops::{
    CreateBranchForRepository, CreateBranchForRepositoryRequest, CreateBranchForRepositoryResponse,
};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl CreateBranchForRepository for UpstreamHandlers {
    async fn create_branch_for_repository(
        &self,
        call: Call,
        request: CreateBranchForRepositoryRequest,
    ) -> Result<CreateBranchForRepositoryResponse, Problem> {
        let caller = self.identify(&call).await?;
        request_record::about(&request.body.name);
        let writer = self
            .upstream
            .repositories()
            .writer(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let branch = self
            .upstream
            .repositories()
            .create_branch(&writer, &request.body.name, &request.body.start_point)
            .await?;
        Ok(CreateBranchForRepositoryResponse::Ok(ApiJson(self.wire.branch(&branch))))
    }
}
