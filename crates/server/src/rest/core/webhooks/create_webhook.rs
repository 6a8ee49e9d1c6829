//! POST /projects/{projectKey}/repos/{repositorySlug}/webhooks: registers an address that is told of pushes.

use heliostat_api::ops::{CreateWebhook, CreateWebhookRequest, CreateWebhookResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::webhook::creation;

impl CreateWebhook for UpstreamHandlers {
    async fn create_webhook(
        &self,
        call: Call,
        request: CreateWebhookRequest,
    ) -> Result<CreateWebhookResponse, Problem> {
        let caller = self.identify(&call).await?;
        let repository = (request.project_key.as_str(), request.repository_slug.as_str());
        let created = self.upstream.create_webhook(&caller, repository, creation(request.body)).await?;
        Ok(CreateWebhookResponse::Ok(ApiJson(self.wire.webhook(created, None))))
    }
}
