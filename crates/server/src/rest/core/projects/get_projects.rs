//! GET /projects: the projects that the caller may see.

use heliostat_api::ops::{GetProjects, GetProjectsRequest, GetProjectsResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request};
use crate::wire::permission::project_permission;

impl GetProjects for UpstreamHandlers {
    async fn get_projects(
        &self,
        call: Call,
        request: GetProjectsRequest,
    ) -> Result<GetProjectsResponse, Problem> {
        let caller = self.identify(&call).await?;
        let (name, wanted) = (request.name.as_deref(), page_request(request.start, request.limit));
        let projects = match request.permission {
            None => self.upstream.repositories().projects(&caller, name, wanted).await?,
            Some(needed) => {
                let needed = project_permission(needed);
                self.upstream.repositories().projects_with_permission(&caller, needed, name, wanted).await?
            }
        };
        Ok(GetProjectsResponse::Ok(ApiJson(page(projects.map(|project| self.wire.project(&project))))))
    }
}
