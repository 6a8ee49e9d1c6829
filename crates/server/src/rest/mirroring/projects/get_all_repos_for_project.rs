//! GET /projects/{projectId}/repos: the repositories of a project with what mirrors compare.

use heliostat_api::models::BooleanText;
use heliostat_api::ops::{
    GetAllReposForProject, GetAllReposForProjectRequest, GetAllReposForProjectResponse,
};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request};

impl GetAllReposForProject for UpstreamHandlers {
    async fn get_all_repos_for_project(
        &self,
        call: Call,
        request: GetAllReposForProjectRequest,
    ) -> Result<GetAllReposForProjectResponse, Problem> {
        let caller = self.identify(&call).await?;
        let with_branch = request.include_default_branch == BooleanText::True;
        let project = self.upstream.repositories().project_by_id(&caller, &request.project_id).await?;
        let page_wanted = page_request(request.start, request.limit);
        let found =
            self.upstream.repositories().repositories(&caller, Some(project.id), None, page_wanted).await?;
        let found = found.map(|repository| self.wire.enriched_repository(&repository, with_branch));
        Ok(GetAllReposForProjectResponse::Ok(ApiJson(page(found))))
    }
}
