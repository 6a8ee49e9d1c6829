//! GET /projects/{projectKey}/repos/{repositorySlug}/webhooks: the webhooks of a repository.

use heliostat_api::webhooks::FindWebhooksResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_storage::Page;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};

/// Which webhooks a client looks for, and what it wants to know of them.
pub struct WebhooksInQuery {
    /// Only those that ask for this event.
    pub event: Option<String>,
    /// Whether to add their statistics.
    pub statistics: bool,
}

/// The webhooks of a repository.
pub async fn find_webhooks(
    role: &UpstreamOperations,
    call: Call,
    repository: (&str, &str),
    query: WebhooksInQuery,
    start: i64,
    limit: i32,
) -> Result<FindWebhooksResponse, Problem> {
    let caller = role.identify(&call).await?;
    let asked = page_request(start, limit);
    let found = role.upstream.webhooks(&caller, repository, query.event.as_deref(), asked).await?;
    let mut values = Vec::new();
    for webhook in found.values {
        let history = match query.statistics {
            true => Some(role.upstream.invocation_history(&webhook, None).await?),
            false => None,
        };
        values.push(role.wire.webhook(webhook, history));
    }
    let Page { start, limit, is_last, next_start, .. } = found;
    Ok(FindWebhooksResponse::Ok(ApiJson(page(Page { values, start, limit, is_last, next_start }))))
}
