//! DELETE /upstreamServers/{upstreamId}/settings/projects: takes projects off the selection.

use heliostat_api::Call;
use heliostat_api::ops::{
    StopMirroringProjects, StopMirroringProjectsRequest, StopMirroringProjectsResponse,
};
use heliostat_mirror::permit;

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl StopMirroringProjects for MirrorHandlers {
    async fn stop_mirroring_projects(
        &self,
        call: Call,
        request: StopMirroringProjectsRequest,
    ) -> Result<StopMirroringProjectsResponse, Problem> {
        let caller = self.identify(&call).await?;
        permit::administer(&caller)?;
        self.mirror.stop_mirroring(&request.upstream_id, &request.body).await?;
        Ok(StopMirroringProjectsResponse::NoContent)
    }
}
