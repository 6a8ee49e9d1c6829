//! GET /upstreamServers/{upstreamId}/addon/descriptor: what this mirror says of itself, to anyone.

use heliostat_api::ops::{GetAddonDescriptor, GetAddonDescriptorRequest, GetAddonDescriptorResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl GetAddonDescriptor for MirrorHandlers {
    async fn get_addon_descriptor(
        &self,
        _call: Call,
        request: GetAddonDescriptorRequest,
    ) -> Result<GetAddonDescriptorResponse, Problem> {
        self.mirror.link.require(&request.upstream_id)?;
        Ok(GetAddonDescriptorResponse::Ok(ApiJson(
            self.wire.addon_descriptor(self.mirror.introduction.addon_descriptor()),
        )))
    }
}
