//! POST /projects: a new project, administered by its creator.

use heliostat_api::ops::{CreateProject, CreateProjectRequest, CreateProjectResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::ProjectCreation;
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl CreateProject for UpstreamHandlers {
    async fn create_project(
        &self,
        call: Call,
        request: CreateProjectRequest,
    ) -> Result<CreateProjectResponse, Problem> {
        let caller = self.identify(&call).await?;
        request_record::about(&request.body.key);
        let creation = ProjectCreation {
            key: request.body.key,
            name: request.body.name,
            description: request.body.description,
            public: request.body.public.unwrap_or(false),
        };
        let project =
            self.upstream.repositories().create_project(permit::create_project(&caller)?, creation).await?;
        Ok(CreateProjectResponse::Created(ApiJson(self.wire.project(&project))))
    }
}
