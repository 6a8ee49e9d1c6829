//! DELETE /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}: nothing is sent any more.

use heliostat_api::Call;
use heliostat_api::webhooks::DeleteWebhookResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Nothing is sent any more.
pub async fn delete_webhook(
    role: &UpstreamOperations,
    call: Call,
    repository: (&str, &str),
    webhook_id: &str,
) -> Result<DeleteWebhookResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.delete_webhook(&caller, repository, webhook_id).await?;
    Ok(DeleteWebhookResponse::NoContent)
}
