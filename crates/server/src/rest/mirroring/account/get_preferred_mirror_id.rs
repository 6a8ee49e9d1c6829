//! GET /account/settings/preferred-mirror: the caller's preferred mirror.

use heliostat_api::ops::{GetPreferredMirrorId, GetPreferredMirrorIdResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetPreferredMirrorId for UpstreamHandlers {
    async fn get_preferred_mirror_id(&self, call: Call) -> Result<GetPreferredMirrorIdResponse, Problem> {
        let caller = self.identify(&call).await?;
        let mirror = self.upstream.downstream().members.preferred_mirror(permit::user(&caller)?).await?;
        Ok(GetPreferredMirrorIdResponse::Ok(ApiJson(self.wire.mirror_server(&mirror))))
    }
}
