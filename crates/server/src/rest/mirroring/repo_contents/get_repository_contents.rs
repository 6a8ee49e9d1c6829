//! POST /repo-contents: small repositories as a whole, for a mirror that has none of them.

use heliostat_api::models::RestRepositoryContents;
use heliostat_api::ops::{
    GetRepositoryContents, GetRepositoryContentsRequest, GetRepositoryContentsResponse,
};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::whole_repository::repository_content;

impl GetRepositoryContents for UpstreamHandlers {
    async fn get_repository_contents(
        &self,
        call: Call,
        request: GetRepositoryContentsRequest,
    ) -> Result<GetRepositoryContentsResponse, Problem> {
        let caller = self.identify(&call).await?;
        let mirror = permit::mirror(&caller)?;
        let ids = &request.body.repository_ids;
        let contents = self.upstream.repositories().whole_contents(mirror, ids).await?;
        let values = contents.into_iter().map(repository_content).collect();
        Ok(GetRepositoryContentsResponse::Ok(ApiJson(RestRepositoryContents { values })))
    }
}
