//! GET /mirrorServers/{mirrorId}/webPanels/config: the settings of a mirror as a page, for administrators.

use heliostat_api::Call;
use heliostat_api::upstream::GetPanelHtmlResponse;
use poem_openapi::payload::Html;

use crate::pages::config_panel;
use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// The settings of a mirror as a page, for administrators.
pub async fn get_panel_html(
    role: &UpstreamOperations,
    call: Call,
    mirror_id: String,
) -> Result<GetPanelHtmlResponse, Problem> {
    let caller = role.identify(&call).await?;
    let panel = role.upstream.config_panel(&caller, &mirror_id).await?;
    Ok(GetPanelHtmlResponse::Ok(Html(config_panel(&panel))))
}
