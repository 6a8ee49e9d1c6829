//! GET /mirrorRepos/delayed-sync: what has been behind for a while, the longest first.

use std::time::Duration;

use heliostat_api::ops::{
    GetDelayedSyncRepositories, GetDelayedSyncRepositoriesRequest, GetDelayedSyncRepositoriesResponse,
};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::delayed_sync;

/// How many repositories are listed at most, whatever the client says.
const MAX_DELAYED_REPOSITORIES: usize = 100;

const SECONDS_PER_MINUTE: u64 = 60;

impl GetDelayedSyncRepositories for MirrorHandlers {
    async fn get_delayed_sync_repositories(
        &self,
        call: Call,
        request: GetDelayedSyncRepositoriesRequest,
    ) -> Result<GetDelayedSyncRepositoriesResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        // The contract has refused negative numbers before.
        let minutes = request.delay_threshold.map(|minutes| u64::try_from(minutes).unwrap_or(0));
        let threshold = minutes.map_or(self.mirror.options.sync_tolerance, |minutes| {
            Duration::from_secs(minutes * SECONDS_PER_MINUTE)
        });
        let limit = usize::try_from(request.limit).unwrap_or(0).min(MAX_DELAYED_REPOSITORIES);
        let delayed = self.mirror.support_info.delayed_syncs(&administrator, threshold, limit);
        let delayed = delayed.iter().map(delayed_sync).collect();
        Ok(GetDelayedSyncRepositoriesResponse::Ok(ApiJson(delayed)))
    }
}
