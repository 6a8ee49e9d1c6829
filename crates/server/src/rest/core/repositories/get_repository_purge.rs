//! GET /projects/{projectKey}/repos/{repositorySlug}/purge: who has removed what no ref leads to.

use heliostat_api::ops::{GetRepositoryPurge, GetRepositoryPurgeRequest, GetRepositoryPurgeResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetRepositoryPurge for UpstreamHandlers {
    async fn get_repository_purge(
        &self,
        call: Call,
        request: GetRepositoryPurgeRequest,
    ) -> Result<GetRepositoryPurgeResponse, Problem> {
        let caller = self.identify(&call).await?;
        let repositories = self.upstream.repositories();
        let administrator =
            repositories.administrator(&caller, &request.project_key, &request.repository_slug).await?;
        let progress = repositories.purge_progress(&administrator).await?;
        Ok(GetRepositoryPurgeResponse::Ok(ApiJson(self.wire.repository_purge(&progress))))
    }
}
