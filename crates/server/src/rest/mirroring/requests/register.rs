//! POST /requests: a mirror asks to join, or asks what has become of its request.

use heliostat_api::ops::{Register, RegisterRequest, RegisterResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_auth::Secret;
use heliostat_downstream::Registration;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::mirror_server::stored_mirror_type;

impl Register for UpstreamHandlers {
    async fn register(&self, call: Call, request: RegisterRequest) -> Result<RegisterResponse, Problem> {
        let registration = Registration {
            mirror_id: request.body.mirror_id,
            name: request.body.mirror_name,
            base_url: request.body.mirror_base_url,
            descriptor_uri: request.body.addon_descriptor_uri,
            mirror_type: request.body.mirror_type.map(stored_mirror_type),
            product_type: request.body.product_type,
            product_version: request.body.product_version,
            key: request.body.registration_key.map(Secret::new),
        };
        let found = self.upstream.downstream().joining.register(call.peer, registration).await?;
        Ok(RegisterResponse::Ok(ApiJson(self.wire.mirroring_request(&found))))
    }
}
