//! POST /upstreamServers/{upstreamId}/addon/enabled: nothing happens, for upstreams that still call it.

use heliostat_api::Call;
use heliostat_api::ops::{OnAddonEnabled, OnAddonEnabledRequest, OnAddonEnabledResponse};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl OnAddonEnabled for MirrorHandlers {
    async fn on_addon_enabled(
        &self,
        _call: Call,
        _request: OnAddonEnabledRequest,
    ) -> Result<OnAddonEnabledResponse, Problem> {
        Ok(OnAddonEnabledResponse::NoContent)
    }
}
