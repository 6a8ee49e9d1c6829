//! DELETE /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}: nothing is sent any more.

use heliostat_api::Call;
use heliostat_api::ops::{DeleteWebhook, DeleteWebhookRequest, DeleteWebhookResponse};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl DeleteWebhook for UpstreamHandlers {
    async fn delete_webhook(
        &self,
        call: Call,
        request: DeleteWebhookRequest,
    ) -> Result<DeleteWebhookResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        self.upstream.webhooks().delete_webhook(&administrator, &request.webhook_id).await?;
        Ok(DeleteWebhookResponse::NoContent)
    }
}
