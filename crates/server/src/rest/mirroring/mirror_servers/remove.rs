//! DELETE /mirrorServers/{mirrorId}: ends a mirror's membership, for SYS_ADMIN.

use heliostat_api::Call;
use heliostat_api::ops::{Remove, RemoveRequest, RemoveResponse};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl Remove for UpstreamHandlers {
    async fn remove(&self, call: Call, request: RemoveRequest) -> Result<RemoveResponse, Problem> {
        let caller = self.identify(&call).await?;
        self.upstream
            .downstream()
            .members
            .remove_mirror(permit::sys_admin(&caller)?, &request.mirror_id)
            .await?;
        Ok(RemoveResponse::NoContent)
    }
}
