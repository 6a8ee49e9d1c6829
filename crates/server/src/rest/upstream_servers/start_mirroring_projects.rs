//! POST /upstreamServers/{upstreamId}/settings/projects: adds projects to the selection.

use heliostat_api::mirror::StartMirroringProjectsResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn start_mirroring_projects(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
    project_ids: Vec<String>,
) -> Result<StartMirroringProjectsResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::administer(&caller)?;
    let settings = role.mirror.start_mirroring(&upstream_id, &project_ids).await?;
    Ok(StartMirroringProjectsResponse::Ok(ApiJson(settings.project_ids)))
}
