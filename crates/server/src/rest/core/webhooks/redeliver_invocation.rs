//! POST /projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}/invocations/{invocationId}/redeliver: sends
//! once more what a call has sent.

use heliostat_api::ops::{RedeliverInvocation, RedeliverInvocationRequest, RedeliverInvocationResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl RedeliverInvocation for UpstreamHandlers {
    async fn redeliver_invocation(
        &self,
        call: Call,
        request: RedeliverInvocationRequest,
    ) -> Result<RedeliverInvocationResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let exchange = self
            .upstream
            .webhooks()
            .redeliver(&administrator, &request.webhook_id, &request.invocation_id)
            .await?;
        let repository_id = administrator.repository().id;
        Ok(RedeliverInvocationResponse::Ok(ApiJson(self.wire.exchange(repository_id, None, exchange))))
    }
}
