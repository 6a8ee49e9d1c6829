//! GET /upstreamServers/{upstreamId}/farmNodes: the nodes behind this mirror's address, as a plain array.

use heliostat_api::mirror::GetFarmNodesResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_farm_nodes(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
) -> Result<GetFarmNodesResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::administer(&caller)?;
    role.mirror.require_upstream(&upstream_id)?;
    Ok(GetFarmNodesResponse::Ok(ApiJson(role.wire.farm_nodes())))
}
