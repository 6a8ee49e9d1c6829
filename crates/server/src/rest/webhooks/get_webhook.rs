//! GET /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}: one webhook.

use heliostat_api::webhooks::GetWebhookResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// One webhook.
pub async fn get_webhook(
    role: &UpstreamOperations,
    call: Call,
    repository: (&str, &str),
    webhook_id: &str,
    statistics: bool,
) -> Result<GetWebhookResponse, Problem> {
    let caller = role.identify(&call).await?;
    let webhook = role.upstream.webhook(&caller, repository, webhook_id).await?;
    let history = match statistics {
        true => Some(role.upstream.invocation_history(&webhook, None).await?),
        false => None,
    };
    Ok(GetWebhookResponse::Ok(ApiJson(role.wire.webhook(webhook, history))))
}
