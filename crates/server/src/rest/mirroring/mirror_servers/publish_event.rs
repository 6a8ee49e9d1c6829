//! POST /mirrorServers/{mirrorId}/events: a mirror reports how a synchronization ended.

use heliostat_api::Call;
use heliostat_api::ops::{PublishEvent, PublishEventRequest, PublishEventResponse};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::mirror_server::sync_report;

impl PublishEvent for UpstreamHandlers {
    async fn publish_event(
        &self,
        call: Call,
        request: PublishEventRequest,
    ) -> Result<PublishEventResponse, Problem> {
        let caller = self.identify(&call).await?;
        self.upstream
            .downstream()
            .repositories
            .report(&permit::this_mirror(&caller, &request.mirror_id)?, &sync_report(request.body))
            .await?;
        Ok(PublishEventResponse::NoContent)
    }
}
