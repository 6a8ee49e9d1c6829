//! GET /syncSettings: all projects or selected ones, and which.

use heliostat_api::mirror::GetMirrorSettings1Response;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_mirror_settings_1(
    role: &MirrorOperations,
    call: Call,
) -> Result<GetMirrorSettings1Response, Problem> {
    let upstream_id = role.administered_upstream(&call).await?;
    let settings = role.mirror.settings(upstream_id)?;
    Ok(GetMirrorSettings1Response::Ok(ApiJson(role.wire.upstream_settings(settings))))
}
