//! GET /projects/{projectKey}: one project.

use heliostat_api::ops::{GetProject, GetProjectRequest, GetProjectResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetProject for UpstreamHandlers {
    async fn get_project(
        &self,
        call: Call,
        request: GetProjectRequest,
    ) -> Result<GetProjectResponse, Problem> {
        let caller = self.identify(&call).await?;
        let project = self.upstream.repositories().project(&caller, &request.project_key).await?;
        Ok(GetProjectResponse::Ok(ApiJson(self.wire.project(&project))))
    }
}
