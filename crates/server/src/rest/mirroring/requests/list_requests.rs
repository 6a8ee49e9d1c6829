//! GET /requests: the requests of mirrors to join, for SYS_ADMIN.

use heliostat_api::ops::{ListRequests, ListRequestsRequest, ListRequestsResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::mirroring_request::request_state;
use crate::wire::page::{page, page_request};

impl ListRequests for UpstreamHandlers {
    async fn list_requests(
        &self,
        call: Call,
        request: ListRequestsRequest,
    ) -> Result<ListRequestsResponse, Problem> {
        let caller = self.identify(&call).await?;
        let requests = self
            .upstream
            .downstream()
            .joining
            .requests(
                permit::sys_admin(&caller)?,
                request.state.map(request_state),
                page_request(request.start, request.limit),
            )
            .await?;
        Ok(ListRequestsResponse::Ok(ApiJson(page(
            requests.map(|request| self.wire.mirroring_request(&request)),
        ))))
    }
}
