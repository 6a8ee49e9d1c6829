//! PUT /mirrorServers/{mirrorId}: a new version or address, for the mirror itself and for SYS_ADMIN.

use heliostat_api::ops::{Upgrade, UpgradeRequest, UpgradeResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_downstream::MirrorUpgrade;
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl Upgrade for UpstreamHandlers {
    async fn upgrade(&self, call: Call, request: UpgradeRequest) -> Result<UpgradeResponse, Problem> {
        let caller = self.identify(&call).await?;
        let upgrade = MirrorUpgrade {
            base_url: request.body.base_url,
            descriptor_uri: request.body.addon_descriptor_uri,
            product_type: request.body.product_type,
            product_version: request.body.product_version,
        };
        let mirror = self
            .upstream
            .downstream()
            .members
            .upgrade(&permit::this_mirror_or_sys_admin(&caller, &request.mirror_id)?, upgrade)
            .await?;
        Ok(UpgradeResponse::Ok(ApiJson(self.wire.mirror_server(&mirror))))
    }
}
