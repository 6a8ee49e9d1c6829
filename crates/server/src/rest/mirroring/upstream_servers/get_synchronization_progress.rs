//! GET /upstreamServers/{upstreamId}/progress: how many repositories are in step, and of how many.

use heliostat_api::ops::{
    GetSynchronizationProgress, GetSynchronizationProgressRequest, GetSynchronizationProgressResponse,
};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::sync_progress;

impl GetSynchronizationProgress for MirrorHandlers {
    async fn get_synchronization_progress(
        &self,
        call: Call,
        request: GetSynchronizationProgressRequest,
    ) -> Result<GetSynchronizationProgressResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let progress = self.mirror.status.progress(&administrator, &request.upstream_id)?;
        Ok(GetSynchronizationProgressResponse::Ok(ApiJson(sync_progress(progress))))
    }
}
