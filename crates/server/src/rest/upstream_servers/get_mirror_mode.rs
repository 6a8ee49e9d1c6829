//! GET /upstreamServers/{upstreamId}/settings/mode: the mode alone, as a JSON string.

use heliostat_api::mirror::GetMirrorModeResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;
use crate::wire::mirror_mode;

pub async fn get_mirror_mode(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
) -> Result<GetMirrorModeResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::administer(&caller)?;
    let settings = role.mirror.settings(&upstream_id)?;
    Ok(GetMirrorModeResponse::Ok(ApiJson(mirror_mode(settings.mode))))
}
