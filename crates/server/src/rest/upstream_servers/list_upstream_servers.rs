//! GET /upstreamServers: the upstream that this mirror follows, in a page.

use heliostat_api::mirror::ListUpstreamServersResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;
use crate::wire::page::{page, page_request};

pub async fn list_upstream_servers(
    role: &MirrorOperations,
    call: Call,
    start: i64,
    limit: i32,
) -> Result<ListUpstreamServersResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::administer(&caller)?;
    let servers = role.wire.upstream_servers(&role.mirror.upstream_servers(), page_request(start, limit));
    Ok(ListUpstreamServersResponse::Ok(ApiJson(page(servers))))
}
