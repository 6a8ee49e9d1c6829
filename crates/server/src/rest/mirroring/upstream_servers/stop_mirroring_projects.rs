//! DELETE /upstreamServers/{upstreamId}/settings/projects: takes projects off the selection.

use heliostat_api::Call;
use heliostat_api::ops::{
    StopMirroringProjects, StopMirroringProjectsRequest, StopMirroringProjectsResponse,
};

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::MirrorHandlers;

impl StopMirroringProjects for MirrorHandlers {
    async fn stop_mirroring_projects(
        &self,
        call: Call,
        request: StopMirroringProjectsRequest,
    ) -> Result<StopMirroringProjectsResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        request_record::about_all(&request.body);
        self.mirror.selection.stop_mirroring(&administrator, &request.upstream_id, &request.body).await?;
        Ok(StopMirroringProjectsResponse::NoContent)
    }
}
