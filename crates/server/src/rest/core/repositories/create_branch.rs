//! POST /branch-utils/latest/projects/{projectKey}/repos/{repositorySlug}/branches: a new branch.

use heliostat_api::ops::{CreateBranch, CreateBranchRequest, CreateBranchResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl CreateBranch for UpstreamHandlers {
    async fn create_branch(
        &self,
        call: Call,
        request: CreateBranchRequest,
    ) -> Result<CreateBranchResponse, Problem> {
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
        Ok(CreateBranchResponse::Created(ApiJson(self.wire.branch(&branch))))
    }
}
