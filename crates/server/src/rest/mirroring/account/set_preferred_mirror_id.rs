//! POST /account/settings/preferred-mirror: the caller prefers this mirror.

use heliostat_api::Call;
use heliostat_api::ops::{SetPreferredMirrorId, SetPreferredMirrorIdRequest, SetPreferredMirrorIdResponse};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl SetPreferredMirrorId for UpstreamHandlers {
    async fn set_preferred_mirror_id(
        &self,
        call: Call,
        request: SetPreferredMirrorIdRequest,
    ) -> Result<SetPreferredMirrorIdResponse, Problem> {
        let caller = self.identify(&call).await?;
        self.upstream.set_preferred_mirror(&caller, &request.body).await?;
        Ok(SetPreferredMirrorIdResponse::NoContent)
    }
}
