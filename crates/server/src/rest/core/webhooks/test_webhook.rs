//! POST /projects/{projectKey}/repos/{repositorySlug}/webhooks/test: sends a ping and answers what came back.

use heliostat_api::ops::{TestWebhook, TestWebhookRequest, TestWebhookResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_storage::WebhookId;
use heliostat_upstream::WebhookTest;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::webhook::credentials;

impl TestWebhook for UpstreamHandlers {
    async fn test_webhook(
        &self,
        call: Call,
        request: TestWebhookRequest,
    ) -> Result<TestWebhookResponse, Problem> {
        let caller = self.identify(&call).await?;
        let repository = (request.project_key.as_str(), request.repository_slug.as_str());
        let test = WebhookTest {
            webhook: request.webhook_id.map(WebhookId),
            address: request.url,
            certificate_required: request.ssl_verification_required,
            credentials: credentials(request.body),
        };
        let (repository, exchange) = self.upstream.test_webhook(&caller, repository, test).await?;
        Ok(TestWebhookResponse::Ok(ApiJson(self.wire.exchange(repository.id, None, exchange))))
    }
}
