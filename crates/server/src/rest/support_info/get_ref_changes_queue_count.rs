//! GET /supportInfo/refChangesQueue/count: how much waits, as a bare number.

use heliostat_api::mirror::GetRefChangesQueueCountResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_ref_changes_queue_count(
    role: &MirrorOperations,
    call: Call,
) -> Result<GetRefChangesQueueCountResponse, Problem> {
    role.require_administrator(&call).await?;
    let count = i32::try_from(role.mirror.waiting_syncs().len()).unwrap_or(i32::MAX);
    Ok(GetRefChangesQueueCountResponse::Ok(ApiJson(count)))
}
