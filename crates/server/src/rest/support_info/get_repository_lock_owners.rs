//! GET /supportInfo/repo-lock-owners: the synchronisations in flight, the longest first.

use heliostat_api::mirror::GetRepositoryLockOwnersResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_repository_lock_owners(
    role: &MirrorOperations,
    call: Call,
) -> Result<GetRepositoryLockOwnersResponse, Problem> {
    role.require_administrator(&call).await?;
    let running = role.mirror.running_syncs();
    let owners = running.iter().map(|running| role.wire.lock_owner(running)).collect();
    Ok(GetRepositoryLockOwnersResponse::Ok(ApiJson(owners)))
}
