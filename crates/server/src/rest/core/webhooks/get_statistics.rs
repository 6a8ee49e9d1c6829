//! GET /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}/statistics: how the calls have gone.

use heliostat_api::ops::{GetStatistics, GetStatisticsRequest, GetStatisticsResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetStatistics for UpstreamHandlers {
    async fn get_statistics(
        &self,
        call: Call,
        request: GetStatisticsRequest,
    ) -> Result<GetStatisticsResponse, Problem> {
        let caller = self.identify(&call).await?;
        let repository = (request.project_key.as_str(), request.repository_slug.as_str());
        let webhook = self.upstream.webhook(&caller, repository, &request.webhook_id).await?;
        let history = self.upstream.invocation_history(&webhook, request.event.as_deref()).await?;
        Ok(GetStatisticsResponse::Ok(ApiJson(self.wire.invocation_history(history))))
    }
}
