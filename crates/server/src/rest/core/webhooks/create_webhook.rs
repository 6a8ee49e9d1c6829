//! POST /projects/{projectKey}/repos/{repositorySlug}/webhooks: registers an address that is told of pushes.

use heliostat_api::ops::{CreateWebhook, CreateWebhookRequest, CreateWebhookResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;
use crate::wire::webhook::creation;

impl CreateWebhook for UpstreamHandlers {
    async fn create_webhook(
        &self,
        call: Call,
        request: CreateWebhookRequest,
    ) -> Result<CreateWebhookResponse, Problem> {
        let caller = self.identify(&call).await?;
        request_record::about_receiver(&request.body.url);
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let created = self.upstream.webhooks().create_webhook(&administrator, creation(request.body)).await?;
        Ok(CreateWebhookResponse::Ok(ApiJson(self.wire.webhook(created, None))))
    }
}
