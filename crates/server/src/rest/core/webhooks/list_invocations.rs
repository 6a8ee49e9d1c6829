//! GET /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}/invocations: the delivery log.

use heliostat_api::ops::{ListInvocations, ListInvocationsRequest, ListInvocationsResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request};
use crate::wire::webhook::stored_outcome;

impl ListInvocations for UpstreamHandlers {
    async fn list_invocations(
        &self,
        call: Call,
        request: ListInvocationsRequest,
    ) -> Result<ListInvocationsResponse, Problem> {
        let caller = self.identify(&call).await?;
        let repository = (request.project_key.as_str(), request.repository_slug.as_str());
        let filter = (request.event.as_deref(), request.outcome.map(stored_outcome));
        let asked = page_request(request.start, request.limit);
        let (webhook, found) =
            self.upstream.invocations(&caller, repository, &request.webhook_id, filter, asked).await?;
        let found = found.map(|invocation| self.wire.invocation(webhook.repository_id, invocation));
        Ok(ListInvocationsResponse::Ok(ApiJson(page(found))))
    }
}
