//! GET /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}/latest: the latest call.

use heliostat_api::webhooks::GetLatestInvocationResponse;
use heliostat_api::{ApiJson, Call};

use super::list_invocations::InvocationsInQuery;
use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// The latest call.
pub async fn get_latest_invocation(
    role: &UpstreamOperations,
    call: Call,
    repository: (&str, &str),
    webhook_id: &str,
    query: InvocationsInQuery,
) -> Result<GetLatestInvocationResponse, Problem> {
    let caller = role.identify(&call).await?;
    let (webhook, found) =
        role.upstream.latest_invocation(&caller, repository, webhook_id, query.filter()).await?;
    Ok(match found {
        Some(latest) => {
            GetLatestInvocationResponse::Ok(ApiJson(role.wire.invocation(webhook.repository_id, latest)))
        }
        None => GetLatestInvocationResponse::NoContent,
    })
}
