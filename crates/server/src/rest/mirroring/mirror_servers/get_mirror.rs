//! GET /mirrorServers/{mirrorId}: one mirror, for any signed-in user.

use heliostat_api::ops::{GetMirror, GetMirrorRequest, GetMirrorResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetMirror for UpstreamHandlers {
    async fn get_mirror(&self, call: Call, request: GetMirrorRequest) -> Result<GetMirrorResponse, Problem> {
        let caller = self.identify(&call).await?;
        let mirror = self
            .upstream
            .downstream()
            .members
            .mirror(permit::authenticated(&caller)?, &request.mirror_id)
            .await?;
        Ok(GetMirrorResponse::Ok(ApiJson(self.wire.mirror_server(&mirror))))
    }
}
