//! GET /supportInfo/projects/{projectKey}/repos/{repositorySlug}/repo-lock-owner: what synchronises it now.

use heliostat_api::mirror::GetRepositoryLockOwnerResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_repository_lock_owner(
    role: &MirrorOperations,
    call: Call,
    project_key: String,
    slug: String,
) -> Result<GetRepositoryLockOwnerResponse, Problem> {
    role.require_administrator(&call).await?;
    Ok(match role.mirror.running_sync(&project_key, &slug)? {
        Some(running) => GetRepositoryLockOwnerResponse::Ok(ApiJson(role.wire.lock_owner(&running))),
        None => GetRepositoryLockOwnerResponse::NoContent,
    })
}
