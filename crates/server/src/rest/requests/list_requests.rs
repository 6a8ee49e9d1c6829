//! GET /requests: the requests of mirrors to join, for SYS_ADMIN.

use heliostat_api::models::MirroringRequestState;
use heliostat_api::upstream::ListRequestsResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::mirroring_request::request_state;
use crate::wire::page::{page, page_request};

/// The requests of mirrors to join, for SYS_ADMIN.
pub async fn list_requests(
    role: &UpstreamOperations,
    call: Call,
    state: Option<MirroringRequestState>,
    start: i64,
    limit: i32,
) -> Result<ListRequestsResponse, Problem> {
    let caller = role.identify(&call).await?;
    let requests =
        role.upstream.requests(&caller, state.map(request_state), page_request(start, limit)).await?;
    Ok(ListRequestsResponse::Ok(ApiJson(page(requests.map(|request| role.wire.mirroring_request(&request))))))
}
