//! GET /progress: how many repositories are in step, and of how many.

use heliostat_api::mirror::GetSynchronizationProgress1Response;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;
use crate::wire::sync_progress;

pub async fn get_synchronization_progress_1(
    role: &MirrorOperations,
    call: Call,
) -> Result<GetSynchronizationProgress1Response, Problem> {
    let upstream_id = role.administered_upstream(&call).await?;
    let progress = role.mirror.progress(upstream_id)?;
    Ok(GetSynchronizationProgress1Response::Ok(ApiJson(sync_progress(progress))))
}
