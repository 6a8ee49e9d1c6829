//! POST /upstreamServers/{upstreamId}/addon/uninstalled: the upstream has removed this mirror.

use heliostat_api::Call;
use heliostat_api::mirror::OnAddonUninstalledResponse;
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn on_addon_uninstalled(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
) -> Result<OnAddonUninstalledResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::speak_for_upstream(&caller)?;
    role.mirror.uninstalled(&upstream_id).await?;
    Ok(OnAddonUninstalledResponse::NoContent)
}
