//! GET /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}/invocations: the delivery log.

use heliostat_api::models::InvocationOutcome as WireOutcome;
use heliostat_api::webhooks::ListInvocationsResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_storage::InvocationOutcome;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};
use crate::wire::webhook::stored_outcome;

/// Which calls a client looks for.
pub struct InvocationsInQuery {
    /// Only those that told of this event.
    pub event: Option<String>,
    /// Only those that ended like this.
    pub outcome: Option<WireOutcome>,
}

impl InvocationsInQuery {
    /// The same, as the domain takes it in.
    pub fn filter(&self) -> (Option<&str>, Option<InvocationOutcome>) {
        (self.event.as_deref(), self.outcome.map(stored_outcome))
    }
}

/// The delivery log.
pub async fn list_invocations(
    role: &UpstreamOperations,
    call: Call,
    repository: (&str, &str),
    webhook_id: &str,
    query: InvocationsInQuery,
    start: i64,
    limit: i32,
) -> Result<ListInvocationsResponse, Problem> {
    let caller = role.identify(&call).await?;
    let asked = page_request(start, limit);
    let (webhook, found) =
        role.upstream.invocations(&caller, repository, webhook_id, query.filter(), asked).await?;
    let found = found.map(|invocation| role.wire.invocation(webhook.repository_id, invocation));
    Ok(ListInvocationsResponse::Ok(ApiJson(page(found))))
}
