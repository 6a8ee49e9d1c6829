//! POST /syncSettings/projects/{projectId}: adds one project to the selection.

use heliostat_api::mirror::StartMirroringProject1Response;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn start_mirroring_project_1(
    role: &MirrorOperations,
    call: Call,
    project_id: String,
) -> Result<StartMirroringProject1Response, Problem> {
    let upstream_id = role.administered_upstream(&call).await?;
    let settings = role.mirror.start_mirroring(upstream_id, &[project_id]).await?;
    Ok(StartMirroringProject1Response::Ok(ApiJson(settings.project_ids)))
}
