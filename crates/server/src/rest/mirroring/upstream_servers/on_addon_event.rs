//! POST /upstreamServers/{upstreamId}/addon/events: the upstream tells of a change.

use heliostat_api::Call;
use heliostat_api::ops::{OnAddonEvent, OnAddonEventRequest, OnAddonEventResponse};
use heliostat_mirror::permit;
use serde_json::Value;

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl OnAddonEvent for MirrorHandlers {
    async fn on_addon_event(
        &self,
        call: Call,
        request: OnAddonEventRequest,
    ) -> Result<OnAddonEventResponse, Problem> {
        let caller = self.identify(&call).await?;
        permit::speak_for_upstream(&caller)?;
        let event = Value::Object(request.body.into_iter().collect());
        self.mirror.handle_event(&request.upstream_id, &event).await?;
        Ok(OnAddonEventResponse::NoContent)
    }
}
