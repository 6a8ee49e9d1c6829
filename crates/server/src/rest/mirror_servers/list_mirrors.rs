//! GET /mirrorServers: the mirrors that have joined, for any signed-in user.

use heliostat_api::upstream::ListMirrorsResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};

/// The mirrors that have joined, for any signed-in user.
pub async fn list_mirrors(
    role: &UpstreamOperations,
    call: Call,
    start: i64,
    limit: i32,
) -> Result<ListMirrorsResponse, Problem> {
    let caller = role.identify(&call).await?;
    let mirrors = role.upstream.mirrors(&caller, page_request(start, limit)).await?;
    Ok(ListMirrorsResponse::Ok(ApiJson(page(mirrors.map(|mirror| role.wire.mirror_server(&mirror))))))
}
