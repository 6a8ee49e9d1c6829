//! POST /projects/{projectKey}/repos/{repositorySlug}/webhooks/test: sends a ping and answers what came back.

use heliostat_api::models::RestWebhookCredentials;
use heliostat_api::webhooks::TestWebhookResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_storage::WebhookId;
use heliostat_upstream::WebhookTest;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::webhook::credentials;

/// What a client wants to test.
pub struct TestInQuery {
    /// A webhook that exists.
    pub webhook_id: Option<i32>,
    /// An address.
    pub url: Option<String>,
    /// Whether the certificate of that address must be valid.
    pub certificate_required: bool,
}

/// Sends a ping and answers what came back.
pub async fn test_webhook(
    role: &UpstreamOperations,
    call: Call,
    repository: (&str, &str),
    query: TestInQuery,
    body: Option<RestWebhookCredentials>,
) -> Result<TestWebhookResponse, Problem> {
    let caller = role.identify(&call).await?;
    let test = WebhookTest {
        webhook: query.webhook_id.map(WebhookId),
        address: query.url,
        certificate_required: query.certificate_required,
        credentials: credentials(body),
    };
    let (repository, exchange) = role.upstream.test_webhook(&caller, repository, test).await?;
    Ok(TestWebhookResponse::Ok(ApiJson(role.wire.exchange(repository.id, None, exchange))))
}
