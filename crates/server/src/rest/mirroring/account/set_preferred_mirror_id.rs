//! POST /account/settings/preferred-mirror: the caller prefers this mirror.

use heliostat_api::Call;
use heliostat_api::ops::{SetPreferredMirrorId, SetPreferredMirrorIdRequest, SetPreferredMirrorIdResponse};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl SetPreferredMirrorId for UpstreamHandlers {
    async fn set_preferred_mirror_id(
        &self,
        call: Call,
        request: SetPreferredMirrorIdRequest,
    ) -> Result<SetPreferredMirrorIdResponse, Problem> {
        let caller = self.identify(&call).await?;
        request_record::about(&request.body);
        self.upstream
            .downstream()
            .members
            .set_preferred_mirror(permit::user(&caller)?, &request.body)
            .await?;
        Ok(SetPreferredMirrorIdResponse::NoContent)
    }
}
