//! GET /admin/following: all repositories that follow one of another server.

use heliostat_api::ops::{GetFollowings, GetFollowingsRequest, GetFollowingsResponse};
use heliostat_api::{ApiJson, Call};
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
        let found = found.map(|(repository, followed)| self.wire.followed_repository(&repository, followed));
        Ok(GetFollowingsResponse::Ok(ApiJson(page(found))))
    }
}
