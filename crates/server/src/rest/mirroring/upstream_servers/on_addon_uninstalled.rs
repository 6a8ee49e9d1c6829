//! POST /upstreamServers/{upstreamId}/addon/uninstalled: the upstream has removed this mirror.

use heliostat_api::Call;
use heliostat_api::ops::{OnAddonUninstalled, OnAddonUninstalledRequest, OnAddonUninstalledResponse};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl OnAddonUninstalled for MirrorHandlers {
    async fn on_addon_uninstalled(
        &self,
        call: Call,
        request: OnAddonUninstalledRequest,
    ) -> Result<OnAddonUninstalledResponse, Problem> {
        let upstream = self.upstream_itself(&call).await?;
        self.mirror.events.uninstalled(&upstream, &request.upstream_id).await?;
        Ok(OnAddonUninstalledResponse::NoContent)
    }
}
