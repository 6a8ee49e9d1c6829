//! GET /supportInfo/projects/{projectKey}/repos/{repositorySlug}/repoSyncStatus: how the copy of one repository stands.

use heliostat_api::mirror::GetRepoSyncStatus1Response;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;
use crate::wire::synchronization_status;

pub async fn get_repo_sync_status_1(
    role: &MirrorOperations,
    call: Call,
    project_key: String,
    slug: String,
) -> Result<GetRepoSyncStatus1Response, Problem> {
    role.require_administrator(&call).await?;
    let record = role.mirror.held_record(&project_key, &slug)?;
    Ok(GetRepoSyncStatus1Response::Ok(ApiJson(synchronization_status(&record)?)))
}
