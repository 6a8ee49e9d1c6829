//! GET /supportInfo/repoSyncStatus: how the copy of each repository stands, in pages.

use heliostat_api::mirror::GetRepoSyncStatusResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;
use crate::wire::page::{page, page_request, try_map};
use crate::wire::synchronization_status;

pub async fn get_repo_sync_status(
    role: &MirrorOperations,
    call: Call,
    start: i64,
    limit: i32,
) -> Result<GetRepoSyncStatusResponse, Problem> {
    role.require_administrator(&call).await?;
    let records = role.mirror.held_records(page_request(start, limit));
    let states = try_map(records, |record| synchronization_status(&record))?;
    Ok(GetRepoSyncStatusResponse::Ok(ApiJson(page(states))))
}
