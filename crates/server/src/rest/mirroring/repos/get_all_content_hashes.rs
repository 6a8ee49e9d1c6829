//! GET /repos: the repositories of all projects with what mirrors compare.

use heliostat_api::models::BooleanText;
use heliostat_api::ops::{GetAllContentHashes, GetAllContentHashesRequest, GetAllContentHashesResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request};

impl GetAllContentHashes for UpstreamHandlers {
    async fn get_all_content_hashes(
        &self,
        call: Call,
        request: GetAllContentHashesRequest,
    ) -> Result<GetAllContentHashesResponse, Problem> {
        let caller = self.identify(&call).await?;
        let with_branch = request.include_default_branch == BooleanText::True;
        let found = self
            .upstream
            .repositories()
            .repositories(&caller, None, None, page_request(request.start, request.limit))
            .await?;
        let found = found.map(|repository| self.wire.enriched_repository(&repository, with_branch));
        Ok(GetAllContentHashesResponse::Ok(ApiJson(page(found))))
    }
}
