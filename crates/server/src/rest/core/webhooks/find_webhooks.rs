//! GET /projects/{projectKey}/repos/{repositorySlug}/webhooks: the webhooks of a repository.

use heliostat_api::ops::{FindWebhooks, FindWebhooksRequest, FindWebhooksResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_storage::Page;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request};

impl FindWebhooks for UpstreamHandlers {
    async fn find_webhooks(
        &self,
        call: Call,
        request: FindWebhooksRequest,
    ) -> Result<FindWebhooksResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let asked = page_request(request.start, request.limit);
        let found =
            self.upstream.webhooks().webhooks(&administrator, request.event.as_deref(), asked).await?;
        let mut values = Vec::new();
        for webhook in found.values {
            let history = match request.statistics {
                true => {
                    Some(self.upstream.webhooks().invocation_history(&administrator, &webhook, None).await?)
                }
                false => None,
            };
            values.push(self.wire.webhook(webhook, history));
        }
        let Page { start, limit, is_last, next_start, .. } = found;
        Ok(FindWebhooksResponse::Ok(ApiJson(page(Page { values, start, limit, is_last, next_start }))))
    }
}
