//! GET /upstreamServers/{upstreamId}/settings: the mode and the selected projects.

use heliostat_api::mirror::GetMirrorSettingsResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_mirror_settings(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
) -> Result<GetMirrorSettingsResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::administer(&caller)?;
    let settings = role.mirror.settings(&upstream_id)?;
    Ok(GetMirrorSettingsResponse::Ok(ApiJson(role.wire.upstream_settings(settings))))
}
