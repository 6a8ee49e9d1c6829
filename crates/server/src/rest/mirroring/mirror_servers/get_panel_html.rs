//! GET /mirrorServers/{mirrorId}/webPanels/config: the settings of a mirror as a page, for administrators.

use heliostat_api::Call;
use heliostat_api::ops::{GetPanelHtml, GetPanelHtmlRequest, GetPanelHtmlResponse};
use heliostat_upstream::permit;
use poem_openapi::payload::Html;

use crate::http::problem::Problem;
use crate::pages::config_panel;
use crate::rest::UpstreamHandlers;

impl GetPanelHtml for UpstreamHandlers {
    async fn get_panel_html(
        &self,
        call: Call,
        request: GetPanelHtmlRequest,
    ) -> Result<GetPanelHtmlResponse, Problem> {
        let caller = self.identify(&call).await?;
        let panel = self
            .upstream
            .downstream()
            .members
            .config_panel(permit::admin(&caller)?, &request.mirror_id)
            .await?;
        Ok(GetPanelHtmlResponse::Ok(Html(config_panel(&panel))))
    }
}
