//! GET /upstreamServers/{upstreamId}/addon/descriptor: what this mirror says of itself, to anybody.

use heliostat_api::ApiJson;
use heliostat_api::mirror::GetAddonDescriptorResponse;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_addon_descriptor(
    role: &MirrorOperations,
    upstream_id: String,
) -> Result<GetAddonDescriptorResponse, Problem> {
    role.mirror.require_upstream(&upstream_id)?;
    Ok(GetAddonDescriptorResponse::Ok(ApiJson(role.wire.addon_descriptor(role.mirror.descriptor()))))
}
