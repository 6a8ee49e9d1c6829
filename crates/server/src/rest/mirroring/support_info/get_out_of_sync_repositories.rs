//! GET /supportInfo/out-of-sync-repos/content: the ids of what has been behind for a while.

use heliostat_api::ops::{GetOutOfSyncRepositories, GetOutOfSyncRepositoriesResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

/// How many repositories are listed at most; the contract tells it.
const MAX_OUT_OF_SYNC_REPOSITORIES: usize = 100;

impl GetOutOfSyncRepositories for MirrorHandlers {
    async fn get_out_of_sync_repositories(
        &self,
        call: Call,
    ) -> Result<GetOutOfSyncRepositoriesResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let tolerance = self.mirror.options.sync_tolerance;
        let delayed =
            self.mirror.support_info.delayed_syncs(&administrator, tolerance, MAX_OUT_OF_SYNC_REPOSITORIES);
        let ids = delayed.into_iter().map(|delayed| delayed.record.external_id.clone()).collect();
        Ok(GetOutOfSyncRepositoriesResponse::Ok(ApiJson(ids)))
    }
}
