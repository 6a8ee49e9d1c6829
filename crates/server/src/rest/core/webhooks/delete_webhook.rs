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
        let repository = (request.project_key.as_str(), request.repository_slug.as_str());
        self.upstream.delete_webhook(&caller, repository, &request.webhook_id).await?;
        Ok(DeleteWebhookResponse::NoContent)
    }
}
