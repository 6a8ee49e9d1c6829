//! POST /upstreamServers/{upstreamId}/settings/projects: adds projects to the selection.

use heliostat_api::ops::{
    StartMirroringProjects, StartMirroringProjectsRequest, StartMirroringProjectsResponse,
};
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl StartMirroringProjects for MirrorHandlers {
    async fn start_mirroring_projects(
        &self,
        call: Call,
        request: StartMirroringProjectsRequest,
    ) -> Result<StartMirroringProjectsResponse, Problem> {
        let caller = self.identify(&call).await?;
        permit::administer(&caller)?;
        let settings = self.mirror.start_mirroring(&request.upstream_id, &request.body).await?;
        Ok(StartMirroringProjectsResponse::Ok(ApiJson(settings.project_ids)))
    }
}
