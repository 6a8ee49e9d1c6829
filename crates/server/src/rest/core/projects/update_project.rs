//! PUT /projects/{projectKey}: changes what the body names.

use heliostat_api::ops::{UpdateProject, UpdateProjectRequest, UpdateProjectResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_storage::ProjectUpdate;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl UpdateProject for UpstreamHandlers {
    async fn update_project(
        &self,
        call: Call,
        request: UpdateProjectRequest,
    ) -> Result<UpdateProjectResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator =
            self.upstream.repositories().project_administrator(&caller, &request.project_key).await?;
        let update = ProjectUpdate {
            key: request.body.key,
            name: request.body.name,
            description: request.body.description,
            public: request.body.public,
        };
        let project = self.upstream.repositories().update_project(&administrator, update).await?;
        Ok(UpdateProjectResponse::Ok(ApiJson(self.wire.project(&project))))
    }
}
