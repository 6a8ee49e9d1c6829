//! POST /mirrorServers/{mirrorId}/reports: a mirror reports how several synchronizations ended.

use heliostat_api::Call;
use heliostat_api::ops::{PublishEvents, PublishEventsRequest, PublishEventsResponse};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::mirror_server::sync_report;

impl PublishEvents for UpstreamHandlers {
    async fn publish_events(
        &self,
        call: Call,
        request: PublishEventsRequest,
    ) -> Result<PublishEventsResponse, Problem> {
        let caller = self.identify(&call).await?;
        let mirror = permit::this_mirror(&caller, &request.mirror_id)?;
        let reports: Vec<_> = request.body.events.into_iter().map(sync_report).collect();
        self.upstream.downstream().repositories.report_all(&mirror, &reports).await?;
        Ok(PublishEventsResponse::NoContent)
    }
}
