//! GET /upstreamServers/{upstreamId}: one upstream and how this mirror stands with it.

use heliostat_api::ops::{GetUpstreamServer, GetUpstreamServerRequest, GetUpstreamServerResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl GetUpstreamServer for MirrorHandlers {
    async fn get_upstream_server(
        &self,
        call: Call,
        request: GetUpstreamServerRequest,
    ) -> Result<GetUpstreamServerResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let upstream = self.mirror.lookups.upstream_server(&administrator, &request.upstream_id)?;
        Ok(GetUpstreamServerResponse::Ok(ApiJson(self.wire.upstream_server(&upstream))))
    }
}
