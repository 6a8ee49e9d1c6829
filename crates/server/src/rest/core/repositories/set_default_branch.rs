//! PUT /projects/{projectKey}/repos/{repositorySlug}/default-branch: another default branch.

use heliostat_api::Call;
use heliostat_api::ops::{SetDefaultBranch, SetDefaultBranchRequest, SetDefaultBranchResponse};

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl SetDefaultBranch for UpstreamHandlers {
    async fn set_default_branch(
        &self,
        call: Call,
        request: SetDefaultBranchRequest,
    ) -> Result<SetDefaultBranchResponse, Problem> {
        let caller = self.identify(&call).await?;
        request_record::about(&request.body.id);
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        self.upstream.repositories().set_default_branch(&administrator, &request.body.id).await?;
        Ok(SetDefaultBranchResponse::NoContent)
    }
}
