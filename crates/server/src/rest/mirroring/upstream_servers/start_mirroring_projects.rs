//! POST /upstreamServers/{upstreamId}/settings/projects: adds projects to the selection.

use heliostat_api::ops::{
    StartMirroringProjects, StartMirroringProjectsRequest, StartMirroringProjectsResponse,
};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::MirrorHandlers;

impl StartMirroringProjects for MirrorHandlers {
    async fn start_mirroring_projects(
        &self,
        call: Call,
        request: StartMirroringProjectsRequest,
    ) -> Result<StartMirroringProjectsResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        request_record::about_all(&request.body);
        let settings = self
            .mirror
            .selection
            .start_mirroring(&administrator, &request.upstream_id, &request.body)
            .await?;
        Ok(StartMirroringProjectsResponse::Ok(ApiJson(settings.project_ids)))
    }
}
