//! PUT /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}: changes what the body names.

use heliostat_api::ops::{UpdateWebhook, UpdateWebhookRequest, UpdateWebhookResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::webhook::change;

impl UpdateWebhook for UpstreamHandlers {
    async fn update_webhook(
        &self,
        call: Call,
        request: UpdateWebhookRequest,
    ) -> Result<UpdateWebhookResponse, Problem> {
        let caller = self.identify(&call).await?;
        let repository = (request.project_key.as_str(), request.repository_slug.as_str());
        let changed = self
            .upstream
            .update_webhook(&caller, repository, &request.webhook_id, change(request.body))
            .await?;
        Ok(UpdateWebhookResponse::Ok(ApiJson(self.wire.webhook(changed, None))))
    }
}
