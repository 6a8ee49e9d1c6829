//! PUT /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}: changes what the body names.

use heliostat_api::ops::{UpdateWebhook, UpdateWebhookRequest, UpdateWebhookResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;
use crate::wire::webhook::change;

impl UpdateWebhook for UpstreamHandlers {
    async fn update_webhook(
        &self,
        call: Call,
        request: UpdateWebhookRequest,
    ) -> Result<UpdateWebhookResponse, Problem> {
        let caller = self.identify(&call).await?;
        if let Some(url) = &request.body.url {
            request_record::about_receiver(url);
        }
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let changed = self
            .upstream
            .webhooks()
            .update_webhook(&administrator, &request.webhook_id, change(request.body))
            .await?;
        Ok(UpdateWebhookResponse::Ok(ApiJson(self.wire.webhook(changed, None))))
    }
}
