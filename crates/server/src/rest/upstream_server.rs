//! GET /upstreamServer: the upstream that this mirror follows, and how the two stand.

use heliostat_api::mirror::GetUpstreamServer1Response;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_upstream_server_1(
    role: &MirrorOperations,
    call: Call,
) -> Result<GetUpstreamServer1Response, Problem> {
    let upstream_id = role.administered_upstream(&call).await?;
    let upstream = role.mirror.upstream_server(upstream_id)?;
    Ok(GetUpstreamServer1Response::Ok(ApiJson(role.wire.upstream_server(&upstream))))
}
