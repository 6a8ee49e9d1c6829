//! POST /syncSettings/projects: adds projects to the selection.

use heliostat_api::mirror::StartMirroringProjects1Response;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn start_mirroring_projects_1(
    role: &MirrorOperations,
    call: Call,
    project_ids: Vec<String>,
) -> Result<StartMirroringProjects1Response, Problem> {
    let upstream_id = role.administered_upstream(&call).await?;
    let settings = role.mirror.start_mirroring(upstream_id, &project_ids).await?;
    Ok(StartMirroringProjects1Response::Ok(ApiJson(settings.project_ids)))
}
