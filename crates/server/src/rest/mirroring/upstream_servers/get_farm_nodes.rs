//! GET /upstreamServers/{upstreamId}/farmNodes: the nodes behind this mirror's address, as a plain array.

use heliostat_api::ops::{GetFarmNodes, GetFarmNodesRequest, GetFarmNodesResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl GetFarmNodes for MirrorHandlers {
    async fn get_farm_nodes(
        &self,
        call: Call,
        request: GetFarmNodesRequest,
    ) -> Result<GetFarmNodesResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        self.mirror.lookups.upstream_server(&administrator, &request.upstream_id)?;
        Ok(GetFarmNodesResponse::Ok(ApiJson(self.wire.farm_nodes())))
    }
}
