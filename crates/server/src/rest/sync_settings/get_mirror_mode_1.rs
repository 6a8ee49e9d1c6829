//! GET /syncSettings/mode: the mode alone, as a JSON string.

use heliostat_api::mirror::GetMirrorMode1Response;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;
use crate::wire::mirror_mode;

pub async fn get_mirror_mode_1(
    role: &MirrorOperations,
    call: Call,
) -> Result<GetMirrorMode1Response, Problem> {
    let upstream_id = role.administered_upstream(&call).await?;
    let settings = role.mirror.settings(upstream_id)?;
    Ok(GetMirrorMode1Response::Ok(ApiJson(mirror_mode(settings.mode))))
}
