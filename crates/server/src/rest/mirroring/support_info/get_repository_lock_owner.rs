//! GET /supportInfo/projects/{projectKey}/repos/{repositorySlug}/repo-lock-owner: what synchronises it now.

use heliostat_api::ops::{
    GetRepositoryLockOwner, GetRepositoryLockOwnerRequest, GetRepositoryLockOwnerResponse,
};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl GetRepositoryLockOwner for MirrorHandlers {
    async fn get_repository_lock_owner(
        &self,
        call: Call,
        request: GetRepositoryLockOwnerRequest,
    ) -> Result<GetRepositoryLockOwnerResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        Ok(
            match self.mirror.support_info.running_sync(
                &administrator,
                &request.project_key,
                &request.repository_slug,
            )? {
                Some(running) => GetRepositoryLockOwnerResponse::Ok(ApiJson(self.wire.lock_owner(&running))),
                None => GetRepositoryLockOwnerResponse::NoContent,
            },
        )
    }
}
