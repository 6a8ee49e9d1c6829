//! GET /users/{userSlug}: one user, for any signed-in user.

use heliostat_api::ops::{GetUser, GetUserRequest, GetUserResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetUser for UpstreamHandlers {
    async fn get_user(&self, call: Call, request: GetUserRequest) -> Result<GetUserResponse, Problem> {
        let caller = self.identify(&call).await?;
        let user = self.upstream.accounts().user(permit::authenticated(&caller)?, &request.user_slug).await?;
        Ok(GetUserResponse::Ok(ApiJson(self.wire.user(&user))))
    }
}
