//! GET /upstreamServers/{upstreamId}/settings/projects: the ids of the selected projects.

use heliostat_api::ops::{GetMirroredProjects, GetMirroredProjectsRequest, GetMirroredProjectsResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl GetMirroredProjects for MirrorHandlers {
    async fn get_mirrored_projects(
        &self,
        call: Call,
        request: GetMirroredProjectsRequest,
    ) -> Result<GetMirroredProjectsResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let settings = self.mirror.selection.settings(&administrator, &request.upstream_id)?;
        Ok(GetMirroredProjectsResponse::Ok(ApiJson(settings.project_ids)))
    }
}
