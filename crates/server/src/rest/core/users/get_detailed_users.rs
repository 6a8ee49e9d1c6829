//! GET /admin/users: all accounts, for administrators.

use heliostat_api::ops::{GetDetailedUsers, GetDetailedUsersRequest, GetDetailedUsersResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request};

impl GetDetailedUsers for UpstreamHandlers {
    async fn get_detailed_users(
        &self,
        call: Call,
        request: GetDetailedUsersRequest,
    ) -> Result<GetDetailedUsersResponse, Problem> {
        let caller = self.identify(&call).await?;
        let accounts = self
            .upstream
            .accounts()
            .details(
                permit::admin(&caller)?,
                request.filter.as_deref(),
                page_request(request.start, request.limit),
            )
            .await?;
        Ok(GetDetailedUsersResponse::Ok(ApiJson(page(accounts.map(|user| self.wire.detailed_user(&user))))))
    }
}
