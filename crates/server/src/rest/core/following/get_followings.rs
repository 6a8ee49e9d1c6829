//! GET /admin/following: all repositories that follow one of another server.

use heliostat_api::ops::{GetFollowings, GetFollowingsRequest, GetFollowingsResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_storage::Page;
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request};

impl GetFollowings for UpstreamHandlers {
    async fn get_followings(
        &self,
        call: Call,
        request: GetFollowingsRequest,
    ) -> Result<GetFollowingsResponse, Problem> {
        let caller = self.identify(&call).await?;
        let asked = page_request(request.start, request.limit);
        let found = self.upstream.followings().followings(permit::admin(&caller)?, asked).await?;
        let Page { values, start, limit, is_last, next_start } = found;
        let values = values
            .into_iter()
            .map(|(repository, followed)| self.wire.followed_repository(&repository, followed));
        let found = Page { values: values.collect(), start, limit, is_last, next_start };
        Ok(GetFollowingsResponse::Ok(ApiJson(page(found))))
    }
}
