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
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let filter = (request.event.as_deref(), request.outcome.map(stored_outcome));
        let asked = page_request(request.start, request.limit);
        let (webhook, found) =
            self.upstream.webhooks().invocations(&administrator, &request.webhook_id, filter, asked).await?;
        let found = found.map(|invocation| self.wire.invocation(webhook.repository_id, invocation));
        Ok(ListInvocationsResponse::Ok(ApiJson(page(found))))
    }
}
