//! GET /upstreamServers/{upstreamId}/farmNodes: the nodes behind this mirror's address, as a plain array.

use heliostat_api::ops::{GetFarmNodes, GetFarmNodesRequest, GetFarmNodesResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl GetFarmNodes for MirrorHandlers {
    async fn get_farm_nodes(
        &self,
        call: Call,
        request: GetFarmNodesRequest,
    ) -> Result<GetFarmNodesResponse, Problem> {
        let caller = self.identify(&call).await?;
        permit::administer(&caller)?;
        self.mirror.require_upstream(&request.upstream_id)?;
        Ok(GetFarmNodesResponse::Ok(ApiJson(self.wire.farm_nodes())))
    }
}
