//! POST /requests/{mirroringRequestId}/reject: turns a mirror away, for SYS_ADMIN.

use heliostat_api::ops::{Reject, RejectRequest, RejectResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl Reject for UpstreamHandlers {
    async fn reject(&self, call: Call, request: RejectRequest) -> Result<RejectResponse, Problem> {
        let caller = self.identify(&call).await?;
        let found = self
            .upstream
            .downstream()
            .joining
            .reject(permit::sys_admin(&caller)?, &request.mirroring_request_id)
            .await?;
        request_record::about(&found.name);
        Ok(RejectResponse::Ok(ApiJson(self.wire.rejected_mirror(&found))))
    }
}
