//! GET /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}/statistics: how the calls have gone.

use heliostat_api::webhooks::GetStatisticsResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// How the calls have gone.
pub async fn get_statistics(
    role: &UpstreamOperations,
    call: Call,
    repository: (&str, &str),
    webhook_id: &str,
    event: Option<String>,
) -> Result<GetStatisticsResponse, Problem> {
    let caller = role.identify(&call).await?;
    let webhook = role.upstream.webhook(&caller, repository, webhook_id).await?;
    let history = role.upstream.invocation_history(&webhook, event.as_deref()).await?;
    Ok(GetStatisticsResponse::Ok(ApiJson(role.wire.invocation_history(history))))
}
