//! POST /upstreamServers/{upstreamId}/settings/projects/{projectId}: adds one project to the selection.

use heliostat_api::ops::{
    StartMirroringProject, StartMirroringProjectRequest, StartMirroringProjectResponse,
};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl StartMirroringProject for MirrorHandlers {
    async fn start_mirroring_project(
        &self,
        call: Call,
        request: StartMirroringProjectRequest,
    ) -> Result<StartMirroringProjectResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let settings = self
            .mirror
            .selection
            .start_mirroring(&administrator, &request.upstream_id, &[request.project_id])
            .await?;
        Ok(StartMirroringProjectResponse::Ok(ApiJson(settings.project_ids)))
    }
}
