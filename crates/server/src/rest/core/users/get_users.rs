//! GET /users: the users whose names contain a text, for any signed-in user.

use heliostat_api::ops::{GetUsers, GetUsersRequest, GetUsersResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request};

impl GetUsers for UpstreamHandlers {
    async fn get_users(&self, call: Call, request: GetUsersRequest) -> Result<GetUsersResponse, Problem> {
        let caller = self.identify(&call).await?;
        let users = self
            .upstream
            .accounts()
            .users(
                permit::authenticated(&caller)?,
                request.filter.as_deref(),
                page_request(request.start, request.limit),
            )
            .await?;
        Ok(GetUsersResponse::Ok(ApiJson(page(users.map(|user| self.wire.user(&user))))))
    }
}
