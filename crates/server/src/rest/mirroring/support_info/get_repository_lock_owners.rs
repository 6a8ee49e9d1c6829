//! GET /supportInfo/repo-lock-owners: the synchronisations in flight, the longest first.

use heliostat_api::ops::{GetRepositoryLockOwners, GetRepositoryLockOwnersResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl GetRepositoryLockOwners for MirrorHandlers {
    async fn get_repository_lock_owners(
        &self,
        call: Call,
    ) -> Result<GetRepositoryLockOwnersResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let running = self.mirror.support_info.running_syncs(&administrator);
        let owners = running.iter().map(|running| self.wire.lock_owner(running)).collect();
        Ok(GetRepositoryLockOwnersResponse::Ok(ApiJson(owners)))
    }
}
