//! PUT /upstreamServers/{upstreamId}/settings/mode: switches between all projects and selected ones.

use heliostat_api::ops::{SetMirrorMode, SetMirrorModeRequest, SetMirrorModeResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::MirrorHandlers;
use crate::wire::mirror_mode;

impl SetMirrorMode for MirrorHandlers {
    async fn set_mirror_mode(
        &self,
        call: Call,
        request: SetMirrorModeRequest,
    ) -> Result<SetMirrorModeResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        request_record::about(request.body.as_str());
        let settings = self
            .mirror
            .selection
            .set_mode(&administrator, &request.upstream_id, request.body.as_str())
            .await?;
        Ok(SetMirrorModeResponse::Ok(ApiJson(mirror_mode(settings.mode))))
    }
}
