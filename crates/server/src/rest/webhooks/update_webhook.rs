//! PUT /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}: changes what the body names.

use heliostat_api::models::RestWebhookUpdate;
use heliostat_api::webhooks::UpdateWebhookResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::webhook::change;

/// Changes what the body names.
pub async fn update_webhook(
    role: &UpstreamOperations,
    call: Call,
    repository: (&str, &str),
    webhook_id: &str,
    body: RestWebhookUpdate,
) -> Result<UpdateWebhookResponse, Problem> {
    let caller = role.identify(&call).await?;
    let changed = role.upstream.update_webhook(&caller, repository, webhook_id, change(body)).await?;
    Ok(UpdateWebhookResponse::Ok(ApiJson(role.wire.webhook(changed, None))))
}
