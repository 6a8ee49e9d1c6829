//! GET /projects/{projectId}: one project, for mirrors and for those who may read it.

use heliostat_api::ops::{GetProjectById, GetProjectByIdRequest, GetProjectByIdResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetProjectById for UpstreamHandlers {
    async fn get_project_by_id(
        &self,
        call: Call,
        request: GetProjectByIdRequest,
    ) -> Result<GetProjectByIdResponse, Problem> {
        let caller = self.identify(&call).await?;
        let project = self.upstream.repositories().project_by_id(&caller, &request.project_id).await?;
        Ok(GetProjectByIdResponse::Ok(ApiJson(self.wire.project(&project))))
    }
}
