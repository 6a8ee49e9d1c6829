//! POST /upstreamServers/{upstreamId}/addon/disabled: nothing happens, for upstreams that still call it.

use heliostat_api::mirror::OnAddonDisabledResponse;

pub fn on_addon_disabled() -> OnAddonDisabledResponse {
    OnAddonDisabledResponse::NoContent
}
