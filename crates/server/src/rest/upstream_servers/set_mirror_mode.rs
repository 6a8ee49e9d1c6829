//! PUT /upstreamServers/{upstreamId}/settings/mode: switches between all projects and selected ones.

use heliostat_api::mirror::SetMirrorModeResponse;
use heliostat_api::models::MirrorMode;
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;
use crate::wire::mirror_mode;

pub async fn set_mirror_mode(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
    mode: MirrorMode,
) -> Result<SetMirrorModeResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::administer(&caller)?;
    let settings = role.mirror.set_mode(&upstream_id, mode.as_str()).await?;
    Ok(SetMirrorModeResponse::Ok(ApiJson(mirror_mode(settings.mode))))
}
