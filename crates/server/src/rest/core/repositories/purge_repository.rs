//! POST /projects/{projectKey}/repos/{repositorySlug}/purge: removes what no ref leads to, here and on the mirrors.

use heliostat_api::ops::{PurgeRepository, PurgeRepositoryRequest, PurgeRepositoryResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl PurgeRepository for UpstreamHandlers {
    async fn purge_repository(
        &self,
        call: Call,
        request: PurgeRepositoryRequest,
    ) -> Result<PurgeRepositoryResponse, Problem> {
        let caller = self.identify(&call).await?;
        let repositories = self.upstream.repositories();
        let administrator =
            repositories.administrator(&caller, &request.project_key, &request.repository_slug).await?;
        let progress = repositories.order_purge(&administrator).await?;
        Ok(PurgeRepositoryResponse::Accepted(ApiJson(self.wire.repository_purge(&progress))))
    }
}
