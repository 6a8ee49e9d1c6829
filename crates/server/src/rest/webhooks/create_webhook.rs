//! POST /projects/{projectKey}/repos/{repositorySlug}/webhooks: registers an address that is told of pushes.

use heliostat_api::models::RestWebhookRequest;
use heliostat_api::webhooks::CreateWebhookResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::webhook::creation;

/// Registers an address that is told of pushes.
pub async fn create_webhook(
    role: &UpstreamOperations,
    call: Call,
    repository: (&str, &str),
    body: RestWebhookRequest,
) -> Result<CreateWebhookResponse, Problem> {
    let caller = role.identify(&call).await?;
    let created = role.upstream.create_webhook(&caller, repository, creation(body)).await?;
    Ok(CreateWebhookResponse::Ok(ApiJson(role.wire.webhook(created, None))))
}
