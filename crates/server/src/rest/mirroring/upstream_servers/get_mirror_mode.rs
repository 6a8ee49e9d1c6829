//! GET /upstreamServers/{upstreamId}/settings/mode: the mode alone, as a JSON string.

use heliostat_api::ops::{GetMirrorMode, GetMirrorModeRequest, GetMirrorModeResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::mirror_mode;

impl GetMirrorMode for MirrorHandlers {
    async fn get_mirror_mode(
        &self,
        call: Call,
        request: GetMirrorModeRequest,
    ) -> Result<GetMirrorModeResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let settings = self.mirror.selection.settings(&administrator, &request.upstream_id)?;
        Ok(GetMirrorModeResponse::Ok(ApiJson(mirror_mode(settings.mode))))
    }
}
