//! PUT /syncSettings: changes the mode, the selected projects, or both.

use heliostat_api::mirror::SetMirrorSettings1Response;
use heliostat_api::models::{MirrorMode, RestUpstreamSettingsUpdate};
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn set_mirror_settings_1(
    role: &MirrorOperations,
    call: Call,
    update: RestUpstreamSettingsUpdate,
) -> Result<SetMirrorSettings1Response, Problem> {
    let upstream_id = role.administered_upstream(&call).await?;
    let mode = update.mode.map(MirrorMode::as_str);
    let settings = role.mirror.set_settings(upstream_id, mode, update.project_ids.as_deref()).await?;
    Ok(SetMirrorSettings1Response::Ok(ApiJson(role.wire.upstream_settings(settings))))
}
