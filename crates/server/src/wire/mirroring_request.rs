//! Requests of mirrors to join, on the wire.

use heliostat_api::models::{MirroringRequestState, RestMirroringRequest};
use heliostat_downstream::internal_url;
use heliostat_storage::{MirroringRequest, RequestState};

use super::UpstreamWire;
use super::mirror_server::{mirror_type, stated};

impl UpstreamWire {
    /// A request.
    pub fn mirroring_request(&self, request: &MirroringRequest) -> RestMirroringRequest {
        RestMirroringRequest {
            id: request.id.0,
            mirror_id: request.mirror_id.to_string(),
            mirror_name: request.name.clone(),
            mirror_base_url: request.base_url.clone(),
            mirror_internal_url: internal_url(&request.base_url, &request.descriptor_uri),
            addon_descriptor_uri: request.descriptor_uri.clone(),
            mirror_type: mirror_type(request.mirror_type),
            product_type: request.product_type.clone(),
            product_version: stated(&request.product_version),
            state: state(request.state),
        }
    }
}

/// The state of a request, as the store calls it.
pub fn request_state(state: MirroringRequestState) -> RequestState {
    match state {
        MirroringRequestState::Pending => RequestState::Pending,
        MirroringRequestState::Accepted => RequestState::Accepted,
        MirroringRequestState::Rejected => RequestState::Rejected,
    }
}

fn state(state: RequestState) -> MirroringRequestState {
    match state {
        RequestState::Pending => MirroringRequestState::Pending,
        RequestState::Accepted => MirroringRequestState::Accepted,
        RequestState::Rejected => MirroringRequestState::Rejected,
    }
}
