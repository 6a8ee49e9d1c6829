//! GET /supportInfo/out-of-sync-repos/content: the ids of what has been behind for a while.

use heliostat_api::mirror::GetOutOfSyncRepositoriesResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

/// How many repositories are listed at most; the contract tells it.
const MAX_OUT_OF_SYNC_REPOSITORIES: usize = 100;

pub async fn get_out_of_sync_repositories(
    role: &MirrorOperations,
    call: Call,
) -> Result<GetOutOfSyncRepositoriesResponse, Problem> {
    role.require_administrator(&call).await?;
    let tolerance = role.mirror.options().sync_tolerance;
    let delayed = role.mirror.delayed_syncs(tolerance, MAX_OUT_OF_SYNC_REPOSITORIES);
    let ids = delayed.into_iter().map(|delayed| delayed.record.external_id.clone()).collect();
    Ok(GetOutOfSyncRepositoriesResponse::Ok(ApiJson(ids)))
}
