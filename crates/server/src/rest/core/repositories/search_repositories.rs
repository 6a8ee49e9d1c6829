//! GET /repos: the repositories of all projects that the caller may read.

use heliostat_api::models::RepositoryVisibility;
use heliostat_api::ops::{SearchRepositories, SearchRepositoriesRequest, SearchRepositoriesResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_storage::RepositorySearch;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request};

impl SearchRepositories for UpstreamHandlers {
    async fn search_repositories(
        &self,
        call: Call,
        request: SearchRepositoriesRequest,
    ) -> Result<SearchRepositoriesResponse, Problem> {
        let caller = self.identify(&call).await?;
        let wanted = RepositorySearch {
            name: request.name,
            project_name: request.projectname,
            project_key: request.projectkey,
            public: request.visibility.map(|visibility| visibility == RepositoryVisibility::Public),
        };
        let found = self
            .upstream
            .repositories()
            .search_repositories(&caller, &wanted, page_request(request.start, request.limit))
            .await?;
        Ok(SearchRepositoriesResponse::Ok(ApiJson(page(
            found.map(|repository| self.wire.repository(&repository)),
        ))))
    }
}
