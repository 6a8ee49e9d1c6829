//! GET /syncSettings/projects: the ids of the selected projects.

use heliostat_api::mirror::GetMirroredProjects1Response;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_mirrored_projects_1(
    role: &MirrorOperations,
    call: Call,
) -> Result<GetMirroredProjects1Response, Problem> {
    let upstream_id = role.administered_upstream(&call).await?;
    let settings = role.mirror.settings(upstream_id)?;
    Ok(GetMirroredProjects1Response::Ok(ApiJson(settings.project_ids)))
}
