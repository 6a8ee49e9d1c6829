//! GET /projects/{projectKey}/repos/{repositorySlug}/branches/default: the default branch, where libraries look for it.

use heliostat_api::ops::{
    GetDefaultBranchWithTip, GetDefaultBranchWithTipRequest, GetDefaultBranchWithTipResponse,
};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetDefaultBranchWithTip for UpstreamHandlers {
    async fn get_default_branch_with_tip(
        &self,
        call: Call,
        request: GetDefaultBranchWithTipRequest,
    ) -> Result<GetDefaultBranchWithTipResponse, Problem> {
        let caller = self.identify(&call).await?;
        let reader = self
            .upstream
            .repositories()
            .reader(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let branch = self.upstream.repositories().default_branch_with_tip(&reader).await?;
        Ok(GetDefaultBranchWithTipResponse::Ok(ApiJson(self.wire.branch(&branch))))
    }
}
