//! GET /upstreamServers/{upstreamId}/progress: how many repositories are in step, and of how many.

use heliostat_api::mirror::GetSynchronizationProgressResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;
use crate::wire::sync_progress;

pub async fn get_synchronization_progress(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
) -> Result<GetSynchronizationProgressResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::administer(&caller)?;
    let progress = role.mirror.progress(&upstream_id)?;
    Ok(GetSynchronizationProgressResponse::Ok(ApiJson(sync_progress(progress))))
}
