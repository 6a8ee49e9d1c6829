//! GET /upstreamServers/{upstreamId}/settings/projects: the ids of the selected projects.

use heliostat_api::mirror::GetMirroredProjectsResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_mirrored_projects(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
) -> Result<GetMirroredProjectsResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::administer(&caller)?;
    let settings = role.mirror.settings(&upstream_id)?;
    Ok(GetMirroredProjectsResponse::Ok(ApiJson(settings.project_ids)))
}
