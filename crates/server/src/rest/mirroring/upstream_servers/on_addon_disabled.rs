//! POST /upstreamServers/{upstreamId}/addon/disabled: nothing happens, for upstreams that still call it.

use heliostat_api::Call;
use heliostat_api::ops::{OnAddonDisabled, OnAddonDisabledRequest, OnAddonDisabledResponse};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl OnAddonDisabled for MirrorHandlers {
    async fn on_addon_disabled(
        &self,
        _call: Call,
        _request: OnAddonDisabledRequest,
    ) -> Result<OnAddonDisabledResponse, Problem> {
        Ok(OnAddonDisabledResponse::NoContent)
    }
}
