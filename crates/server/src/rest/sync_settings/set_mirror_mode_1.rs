//! PUT /syncSettings/mode: switches between all projects and selected ones.

use heliostat_api::mirror::SetMirrorMode1Response;
use heliostat_api::models::MirrorMode;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;
use crate::wire::mirror_mode;

pub async fn set_mirror_mode_1(
    role: &MirrorOperations,
    call: Call,
    mode: MirrorMode,
) -> Result<SetMirrorMode1Response, Problem> {
    let upstream_id = role.administered_upstream(&call).await?;
    let settings = role.mirror.set_mode(upstream_id, mode.as_str()).await?;
    Ok(SetMirrorMode1Response::Ok(ApiJson(mirror_mode(settings.mode))))
}
