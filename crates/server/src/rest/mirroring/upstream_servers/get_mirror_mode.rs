//! GET /upstreamServers/{upstreamId}/settings/mode: the mode alone, as a JSON string.

use heliostat_api::ops::{GetMirrorMode, GetMirrorModeRequest, GetMirrorModeResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::mirror_mode;

impl GetMirrorMode for MirrorHandlers {
    async fn get_mirror_mode(
        &self,
        call: Call,
        request: GetMirrorModeRequest,
    ) -> Result<GetMirrorModeResponse, Problem> {
        let caller = self.identify(&call).await?;
        permit::administer(&caller)?;
        let settings = self.mirror.settings(&request.upstream_id)?;
        Ok(GetMirrorModeResponse::Ok(ApiJson(mirror_mode(settings.mode))))
    }
}
