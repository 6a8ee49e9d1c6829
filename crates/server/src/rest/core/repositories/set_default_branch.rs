//! PUT /projects/{projectKey}/repos/{repositorySlug}/default-branch: another default branch.

use heliostat_api::Call;
use heliostat_api::ops::{SetDefaultBranch, SetDefaultBranchRequest, SetDefaultBranchResponse};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl SetDefaultBranch for UpstreamHandlers {
    async fn set_default_branch(
        &self,
        call: Call,
        request: SetDefaultBranchRequest,
    ) -> Result<SetDefaultBranchResponse, Problem> {
        let caller = self.identify(&call).await?;
        self.upstream
            .set_default_branch(&caller, &request.project_key, &request.repository_slug, &request.body.id)
            .await?;
        Ok(SetDefaultBranchResponse::NoContent)
    }
}
