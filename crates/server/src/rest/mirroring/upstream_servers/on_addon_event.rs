//! POST /upstreamServers/{upstreamId}/addon/events: the upstream tells of a change.

use heliostat_api::Call;
use heliostat_api::ops::{OnAddonEvent, OnAddonEventRequest, OnAddonEventResponse};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl OnAddonEvent for MirrorHandlers {
    async fn on_addon_event(
        &self,
        call: Call,
        request: OnAddonEventRequest,
    ) -> Result<OnAddonEventResponse, Problem> {
        let upstream = self.upstream_itself(&call).await?;
        if let Some(instance) = &request.instance {
            self.mirror.events.sent_by(&upstream, instance).await;
        }
        self.mirror.events.handle(&upstream, &request.upstream_id, request.body).await?;
        Ok(OnAddonEventResponse::NoContent)
    }
}
