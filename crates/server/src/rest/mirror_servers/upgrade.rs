//! PUT /mirrorServers/{mirrorId}: a new version or address, for the mirror itself and for SYS_ADMIN.

use heliostat_api::models::RestMirrorUpgradeRequest;
use heliostat_api::upstream::UpgradeResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::MirrorUpgrade;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// A new version or address, for the mirror itself and for SYS_ADMIN.
pub async fn upgrade(
    role: &UpstreamOperations,
    call: Call,
    mirror_id: String,
    body: RestMirrorUpgradeRequest,
) -> Result<UpgradeResponse, Problem> {
    let caller = role.identify(&call).await?;
    let upgrade = MirrorUpgrade {
        base_url: body.base_url,
        descriptor_uri: body.addon_descriptor_uri,
        product_type: body.product_type,
        product_version: body.product_version,
    };
    let mirror = role.upstream.upgrade(&caller, &mirror_id, upgrade).await?;
    Ok(UpgradeResponse::Ok(ApiJson(role.wire.mirror_server(&mirror))))
}
