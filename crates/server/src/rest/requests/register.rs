//! POST /requests: a mirror asks to join, or asks what has become of its request.

use heliostat_api::models::RestMirroringRequestSubmission;
use heliostat_api::upstream::RegisterResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::Registration;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::mirror_server::stored_mirror_type;

/// A mirror asks to join, or asks what has become of its request.
pub async fn register(
    role: &UpstreamOperations,
    call: Call,
    body: RestMirroringRequestSubmission,
) -> Result<RegisterResponse, Problem> {
    let registration = Registration {
        mirror_id: body.mirror_id,
        name: body.mirror_name,
        base_url: body.mirror_base_url,
        descriptor_uri: body.addon_descriptor_uri,
        mirror_type: body.mirror_type.map(stored_mirror_type),
        product_type: body.product_type,
        product_version: body.product_version,
    };
    let request = role.upstream.register(call.peer, registration).await?;
    Ok(RegisterResponse::Ok(ApiJson(role.wire.mirroring_request(&request))))
}
