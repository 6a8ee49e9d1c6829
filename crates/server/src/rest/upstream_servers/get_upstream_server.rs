//! GET /upstreamServers/{upstreamId}: one upstream and how this mirror stands with it.

use heliostat_api::mirror::GetUpstreamServerResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_upstream_server(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
) -> Result<GetUpstreamServerResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::administer(&caller)?;
    let upstream = role.mirror.upstream_server(&upstream_id)?;
    Ok(GetUpstreamServerResponse::Ok(ApiJson(role.wire.upstream_server(&upstream))))
}
