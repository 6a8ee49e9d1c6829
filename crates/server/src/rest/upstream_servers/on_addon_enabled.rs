//! POST /upstreamServers/{upstreamId}/addon/enabled: nothing happens, for upstreams that still call it.

use heliostat_api::mirror::OnAddonEnabledResponse;

pub fn on_addon_enabled() -> OnAddonEnabledResponse {
    OnAddonEnabledResponse::NoContent
}
