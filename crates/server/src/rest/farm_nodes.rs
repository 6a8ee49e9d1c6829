//! GET /farmNodes: the nodes behind this mirror's address, as a plain array.

use heliostat_api::mirror::GetFarmNodes1Response;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_farm_nodes_1(role: &MirrorOperations, call: Call) -> Result<GetFarmNodes1Response, Problem> {
    role.administered_upstream(&call).await?;
    Ok(GetFarmNodes1Response::Ok(ApiJson(role.wire.farm_nodes())))
}
