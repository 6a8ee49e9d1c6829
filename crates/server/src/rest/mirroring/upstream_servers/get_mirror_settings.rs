//! GET /upstreamServers/{upstreamId}/settings: the mode and the selected projects.

use heliostat_api::ops::{GetMirrorSettings, GetMirrorSettingsRequest, GetMirrorSettingsResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl GetMirrorSettings for MirrorHandlers {
    async fn get_mirror_settings(
        &self,
        call: Call,
        request: GetMirrorSettingsRequest,
    ) -> Result<GetMirrorSettingsResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let settings = self.mirror.selection.settings(&administrator, &request.upstream_id)?;
        Ok(GetMirrorSettingsResponse::Ok(ApiJson(self.wire.upstream_settings(settings))))
    }
}
