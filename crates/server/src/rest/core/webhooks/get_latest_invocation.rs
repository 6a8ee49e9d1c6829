//! GET /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}/latest: the latest call.

use heliostat_api::ops::{GetLatestInvocation, GetLatestInvocationRequest, GetLatestInvocationResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::webhook::stored_outcome;

impl GetLatestInvocation for UpstreamHandlers {
    async fn get_latest_invocation(
        &self,
        call: Call,
        request: GetLatestInvocationRequest,
    ) -> Result<GetLatestInvocationResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let filter = (request.event.as_deref(), request.outcome.map(stored_outcome));
        let (webhook, found) =
            self.upstream.webhooks().latest_invocation(&administrator, &request.webhook_id, filter).await?;
        Ok(match found {
            Some(latest) => {
                GetLatestInvocationResponse::Ok(ApiJson(self.wire.invocation(webhook.repository_id, latest)))
            }
            None => GetLatestInvocationResponse::NoContent,
        })
    }
}
