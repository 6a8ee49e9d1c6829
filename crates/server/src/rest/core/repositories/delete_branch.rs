//! DELETE /branch-utils/latest/projects/{projectKey}/repos/{repositorySlug}/branches: a branch less.

use heliostat_api::Call;
use heliostat_api::ops::{DeleteBranch, DeleteBranchRequest, DeleteBranchResponse};
use heliostat_upstream::BranchDeletion;

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl DeleteBranch for UpstreamHandlers {
    async fn delete_branch(
        &self,
        call: Call,
        request: DeleteBranchRequest,
    ) -> Result<DeleteBranchResponse, Problem> {
        let caller = self.identify(&call).await?;
        request_record::about(&request.body.name);
        let writer = self
            .upstream
            .repositories()
            .writer(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let deletion = BranchDeletion { name: request.body.name, end_point: request.body.end_point };
        let repositories = self.upstream.repositories();
        if request.body.dry_run == Some(true) {
            repositories.check_branch_deletion(&writer, &deletion).await?;
        } else {
            repositories.delete_branch(&writer, &deletion).await?;
        }
        Ok(DeleteBranchResponse::NoContent)
    }
}
