//! GET /projects/{projectKey}/repos/{repositorySlug}/usage: what a repository takes on the disk, and when it last changed.

use heliostat_api::ops::{GetRepositoryUsage, GetRepositoryUsageRequest, GetRepositoryUsageResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetRepositoryUsage for UpstreamHandlers {
    async fn get_repository_usage(
        &self,
        call: Call,
        request: GetRepositoryUsageRequest,
    ) -> Result<GetRepositoryUsageResponse, Problem> {
        let caller = self.identify(&call).await?;
        let repositories = self.upstream.repositories();
        let usage = repositories.usage(&caller, &request.project_key, &request.repository_slug).await?;
        Ok(GetRepositoryUsageResponse::Ok(ApiJson(self.wire.repository_usage(&usage))))
    }
}
