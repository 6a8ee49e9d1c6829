//! DELETE /syncSettings/projects/{projectId}: takes one project off the selection.

use heliostat_api::Call;
use heliostat_api::mirror::StopMirroringProject1Response;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn stop_mirroring_project_1(
    role: &MirrorOperations,
    call: Call,
    project_id: String,
) -> Result<StopMirroringProject1Response, Problem> {
    let upstream_id = role.administered_upstream(&call).await?;
    role.mirror.stop_mirroring(upstream_id, &[project_id]).await?;
    Ok(StopMirroringProject1Response::NoContent)
}
