//! POST /requests/{mirroringRequestId}/accept: lets a mirror in, for SYS_ADMIN.

use heliostat_api::ops::{Accept, AcceptRequest, AcceptResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_downstream::Acceptance;
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl Accept for UpstreamHandlers {
    async fn accept(&self, call: Call, request: AcceptRequest) -> Result<AcceptResponse, Problem> {
        let caller = self.identify(&call).await?;
        let acceptance = request.body.map(|body| Acceptance {
            seen_base_url: body.mirror_base_url,
            seen_internal_url: body.mirror_internal_url,
            projects: body.project_ids,
        });
        let mirror = self
            .upstream
            .downstream()
            .joining
            .accept(
                permit::sys_admin(&caller)?,
                &request.mirroring_request_id,
                acceptance.unwrap_or_default(),
            )
            .await?;
        request_record::about(&mirror.name);
        Ok(AcceptResponse::Ok(ApiJson(self.wire.mirror_server(&mirror))))
    }
}
