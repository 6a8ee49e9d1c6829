//! POST /projects/{projectKey}/repos/{repositorySlug}/webhooks/test: sends a ping and answers what came back.

use heliostat_api::ops::{TestWebhook, TestWebhookRequest, TestWebhookResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_storage::WebhookId;
use heliostat_upstream::WebhookTest;

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;
use crate::wire::webhook::credentials;

impl TestWebhook for UpstreamHandlers {
    async fn test_webhook(
        &self,
        call: Call,
        request: TestWebhookRequest,
    ) -> Result<TestWebhookResponse, Problem> {
        let caller = self.identify(&call).await?;
        match (&request.url, request.webhook_id) {
            (Some(url), _) => request_record::about_receiver(url),
            (None, Some(id)) => request_record::about(&id.to_string()),
            (None, None) => {}
        }
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let test = WebhookTest {
            webhook: request.webhook_id.map(WebhookId),
            address: request.url,
            certificate_required: request.ssl_verification_required,
            credentials: credentials(request.body),
        };
        let exchange = self.upstream.webhooks().test_webhook(&administrator, test).await?;
        Ok(TestWebhookResponse::Ok(ApiJson(self.wire.exchange(
            administrator.repository().id,
            None,
            exchange,
        ))))
    }
}
