//! DELETE /upstreamServers/{upstreamId}/settings/projects: takes projects off the selection.

use heliostat_api::Call;
use heliostat_api::mirror::StopMirroringProjectsResponse;
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn stop_mirroring_projects(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
    project_ids: Vec<String>,
) -> Result<StopMirroringProjectsResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::administer(&caller)?;
    role.mirror.stop_mirroring(&upstream_id, &project_ids).await?;
    Ok(StopMirroringProjectsResponse::NoContent)
}
