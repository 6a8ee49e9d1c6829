//! PUT /upstreamServers/{upstreamId}/settings: changes the mode, the selected projects, or both.

use heliostat_api::models::MirrorMode;
use heliostat_api::ops::{SetMirrorSettings, SetMirrorSettingsRequest, SetMirrorSettingsResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::MirrorHandlers;

impl SetMirrorSettings for MirrorHandlers {
    async fn set_mirror_settings(
        &self,
        call: Call,
        request: SetMirrorSettingsRequest,
    ) -> Result<SetMirrorSettingsResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let mode = request.body.mode.map(MirrorMode::as_str);
        let projects = request.body.project_ids.as_deref();
        let subject: Vec<&str> =
            mode.into_iter().chain(projects.unwrap_or_default().iter().map(String::as_str)).collect();
        request_record::about_all(&subject);
        let settings =
            self.mirror.selection.set_settings(&administrator, &request.upstream_id, mode, projects).await?;
        Ok(SetMirrorSettingsResponse::Ok(ApiJson(self.wire.upstream_settings(settings))))
    }
}
