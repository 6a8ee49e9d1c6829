//! GET /requests/{mirroringRequestId}: one request, for SYS_ADMIN.

use heliostat_api::ops::{GetMirroringRequest, GetMirroringRequestRequest, GetMirroringRequestResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetMirroringRequest for UpstreamHandlers {
    async fn get_mirroring_request(
        &self,
        call: Call,
        request: GetMirroringRequestRequest,
    ) -> Result<GetMirroringRequestResponse, Problem> {
        let caller = self.identify(&call).await?;
        let found = self
            .upstream
            .downstream()
            .joining
            .request(permit::sys_admin(&caller)?, &request.mirroring_request_id)
            .await?;
        Ok(GetMirroringRequestResponse::Ok(ApiJson(self.wire.mirroring_request(&found))))
    }
}
