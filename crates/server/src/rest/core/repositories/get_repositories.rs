//! GET /projects/{projectKey}/repos: the repositories of a project that the caller may read.

use heliostat_api::ops::{GetRepositories, GetRepositoriesRequest, GetRepositoriesResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request};

impl GetRepositories for UpstreamHandlers {
    async fn get_repositories(
        &self,
        call: Call,
        request: GetRepositoriesRequest,
    ) -> Result<GetRepositoriesResponse, Problem> {
        let caller = self.identify(&call).await?;
        let project = self.upstream.repositories().project(&caller, &request.project_key).await?;
        let page_wanted = page_request(request.start, request.limit);
        let found =
            self.upstream.repositories().repositories(&caller, Some(project.id), None, page_wanted).await?;
        Ok(GetRepositoriesResponse::Ok(ApiJson(page(
            found.map(|repository| self.wire.repository(&repository)),
        ))))
    }
}
