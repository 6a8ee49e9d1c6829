//! DELETE /upstreamServers/{upstreamId}/settings/projects/{projectId}: takes one project off the selection.

use heliostat_api::Call;
use heliostat_api::ops::{StopMirroringProject, StopMirroringProjectRequest, StopMirroringProjectResponse};
use heliostat_mirror::permit;

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl StopMirroringProject for MirrorHandlers {
    async fn stop_mirroring_project(
        &self,
        call: Call,
        request: StopMirroringProjectRequest,
    ) -> Result<StopMirroringProjectResponse, Problem> {
        let caller = self.identify(&call).await?;
        permit::administer(&caller)?;
        self.mirror.stop_mirroring(&request.upstream_id, &[request.project_id]).await?;
        Ok(StopMirroringProjectResponse::NoContent)
    }
}
