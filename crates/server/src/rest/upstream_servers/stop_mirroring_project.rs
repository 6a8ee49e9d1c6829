//! DELETE /upstreamServers/{upstreamId}/settings/projects/{projectId}: takes one project off the selection.

use heliostat_api::Call;
use heliostat_api::mirror::StopMirroringProjectResponse;
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn stop_mirroring_project(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
    project_id: String,
) -> Result<StopMirroringProjectResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::administer(&caller)?;
    role.mirror.stop_mirroring(&upstream_id, &[project_id]).await?;
    Ok(StopMirroringProjectResponse::NoContent)
}
