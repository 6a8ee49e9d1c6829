//! POST /upstreamServers/{upstreamId}/settings/projects/{projectId}: adds one project to the selection.

use heliostat_api::mirror::StartMirroringProjectResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn start_mirroring_project(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
    project_id: String,
) -> Result<StartMirroringProjectResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::administer(&caller)?;
    let settings = role.mirror.start_mirroring(&upstream_id, &[project_id]).await?;
    Ok(StartMirroringProjectResponse::Ok(ApiJson(settings.project_ids)))
}
