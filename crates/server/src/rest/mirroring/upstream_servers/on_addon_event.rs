//! POST /upstreamServers/{upstreamId}/addon/events: the upstream tells of a change.

use heliostat_api::Call;
use heliostat_api::ops::{OnAddonEvent, OnAddonEventRequest, OnAddonEventResponse};
use serde_json::Value;

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl OnAddonEvent for MirrorHandlers {
    async fn on_addon_event(
        &self,
        call: Call,
        request: OnAddonEventRequest,
    ) -> Result<OnAddonEventResponse, Problem> {
        let upstream = self.upstream_itself(&call).await?;
        let event = Value::Object(request.body.into_iter().collect());
        self.mirror.events.handle(&upstream, &request.upstream_id, &event).await?;
        Ok(OnAddonEventResponse::NoContent)
    }
}
