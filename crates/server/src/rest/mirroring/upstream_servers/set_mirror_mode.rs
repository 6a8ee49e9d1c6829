//! PUT /upstreamServers/{upstreamId}/settings/mode: switches between all projects and selected ones.

use heliostat_api::ops::{SetMirrorMode, SetMirrorModeRequest, SetMirrorModeResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::mirror_mode;

impl SetMirrorMode for MirrorHandlers {
    async fn set_mirror_mode(
        &self,
        call: Call,
        request: SetMirrorModeRequest,
    ) -> Result<SetMirrorModeResponse, Problem> {
        let caller = self.identify(&call).await?;
        permit::administer(&caller)?;
        let settings = self.mirror.set_mode(&request.upstream_id, request.body.as_str()).await?;
        Ok(SetMirrorModeResponse::Ok(ApiJson(mirror_mode(settings.mode))))
    }
}
