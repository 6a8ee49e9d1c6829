//! GET /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}: one webhook.

use heliostat_api::ops::{GetWebhook, GetWebhookRequest, GetWebhookResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetWebhook for UpstreamHandlers {
    async fn get_webhook(
        &self,
        call: Call,
        request: GetWebhookRequest,
    ) -> Result<GetWebhookResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let webhook = self.upstream.webhooks().webhook(&administrator, &request.webhook_id).await?;
        let history = match request.statistics {
            true => Some(self.upstream.webhooks().invocation_history(&administrator, &webhook, None).await?),
            false => None,
        };
        Ok(GetWebhookResponse::Ok(ApiJson(self.wire.webhook(webhook, history))))
    }
}
