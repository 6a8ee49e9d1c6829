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
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let webhook = self.upstream.webhooks().webhook(&administrator, &request.webhook_id).await?;
        let history = self
            .upstream
            .webhooks()
            .invocation_history(&administrator, &webhook, request.event.as_deref())
            .await?;
        Ok(GetStatisticsResponse::Ok(ApiJson(self.wire.invocation_history(history))))
    }
}
