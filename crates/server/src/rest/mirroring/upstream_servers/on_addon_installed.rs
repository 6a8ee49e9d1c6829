//! POST /upstreamServers/{upstreamId}/addon/installed: the upstream shares the secret; the domain decides whether to believe it.

use heliostat_api::Call;
use heliostat_api::ops::{OnAddonInstalled, OnAddonInstalledRequest, OnAddonInstalledResponse};
use heliostat_auth::Secret;
use heliostat_mirror::{InstalledEvent, UpstreamMake};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::upstream_settings;

impl OnAddonInstalled for MirrorHandlers {
    async fn on_addon_installed(
        &self,
        call: Call,
        request: OnAddonInstalledRequest,
    ) -> Result<OnAddonInstalledResponse, Problem> {
        let credentials = self.credentials(&call)?;
        let event = InstalledEvent {
            client_key: request.body.client_key,
            shared_secret: Secret::new(request.body.shared_secret),
            base_url: request.body.base_url,
            settings: request.body.settings.map(upstream_settings),
            make: UpstreamMake::of_product(request.body.product_type.as_deref()),
        };
        self.mirror.events.installed(&request.upstream_id, event, &credentials, self.facts(&call)).await?;
        Ok(OnAddonInstalledResponse::NoContent)
    }
}
