//! GET /upstreamServers/{upstreamId}/progress: how many repositories are in step, and of how many.

use heliostat_api::ops::{
    GetSynchronizationProgress, GetSynchronizationProgressRequest, GetSynchronizationProgressResponse,
};
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::sync_progress;

impl GetSynchronizationProgress for MirrorHandlers {
    async fn get_synchronization_progress(
        &self,
        call: Call,
        request: GetSynchronizationProgressRequest,
    ) -> Result<GetSynchronizationProgressResponse, Problem> {
        let caller = self.identify(&call).await?;
        permit::administer(&caller)?;
        let progress = self.mirror.progress(&request.upstream_id)?;
        Ok(GetSynchronizationProgressResponse::Ok(ApiJson(sync_progress(progress))))
    }
}
