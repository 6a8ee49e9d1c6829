//! DELETE /upstreamServers/{upstreamId}/settings/projects/{projectId}: takes one project off the selection.

use heliostat_api::Call;
use heliostat_api::ops::{StopMirroringProject, StopMirroringProjectRequest, StopMirroringProjectResponse};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl StopMirroringProject for MirrorHandlers {
    async fn stop_mirroring_project(
        &self,
        call: Call,
        request: StopMirroringProjectRequest,
    ) -> Result<StopMirroringProjectResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        self.mirror
            .selection
            .stop_mirroring(&administrator, &request.upstream_id, &[request.project_id])
            .await?;
        Ok(StopMirroringProjectResponse::NoContent)
    }
}
