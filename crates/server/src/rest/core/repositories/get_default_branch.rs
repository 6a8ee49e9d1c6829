//! GET /projects/{projectKey}/repos/{repositorySlug}/default-branch: the branch that a clone checks out.

use heliostat_api::ops::{GetDefaultBranch, GetDefaultBranchRequest, GetDefaultBranchResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetDefaultBranch for UpstreamHandlers {
    async fn get_default_branch(
        &self,
        call: Call,
        request: GetDefaultBranchRequest,
    ) -> Result<GetDefaultBranchResponse, Problem> {
        let caller = self.identify(&call).await?;
        let reader = self
            .upstream
            .repositories()
            .reader(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let branch = self.upstream.repositories().default_branch(&reader)?;
        Ok(GetDefaultBranchResponse::Ok(ApiJson(self.wire.minimal_ref(&branch))))
    }
}
