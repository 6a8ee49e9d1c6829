//! PUT /upstreamServers/{upstreamId}/settings: changes the mode, the selected projects, or both.

use heliostat_api::mirror::SetMirrorSettingsResponse;
use heliostat_api::models::{MirrorMode, RestUpstreamSettingsUpdate};
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn set_mirror_settings(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
    update: RestUpstreamSettingsUpdate,
) -> Result<SetMirrorSettingsResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::administer(&caller)?;
    let mode = update.mode.map(MirrorMode::as_str);
    let settings = role.mirror.set_settings(&upstream_id, mode, update.project_ids.as_deref()).await?;
    Ok(SetMirrorSettingsResponse::Ok(ApiJson(role.wire.upstream_settings(settings))))
}
