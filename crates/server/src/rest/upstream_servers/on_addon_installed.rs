//! POST /upstreamServers/{upstreamId}/addon/installed: the upstream shares the secret; the domain decides whether to believe it.

use heliostat_api::Call;
use heliostat_api::mirror::OnAddonInstalledResponse;
use heliostat_api::models::RestAddonInstalledEvent;
use heliostat_auth::Secret;
use heliostat_mirror::InstalledEvent;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn on_addon_installed(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
    event: RestAddonInstalledEvent,
) -> Result<OnAddonInstalledResponse, Problem> {
    let credentials = role.credentials(&call)?;
    let event = InstalledEvent {
        client_key: event.client_key,
        shared_secret: Secret::new(event.shared_secret),
        base_url: event.base_url,
    };
    role.mirror.installed(&upstream_id, event, &credentials, role.facts(&call)).await?;
    Ok(OnAddonInstalledResponse::NoContent)
}
