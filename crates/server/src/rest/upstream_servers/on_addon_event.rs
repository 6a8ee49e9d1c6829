//! POST /upstreamServers/{upstreamId}/addon/events: the upstream tells of a change.

use heliostat_api::Call;
use heliostat_api::mirror::OnAddonEventResponse;
use heliostat_api::models::RestUnknownEntity;
use heliostat_mirror::permit;
use serde_json::Value;

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn on_addon_event(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
    event: RestUnknownEntity,
) -> Result<OnAddonEventResponse, Problem> {
    let caller = role.identify(&call).await?;
    permit::speak_for_upstream(&caller)?;
    role.mirror.handle_event(&upstream_id, &Value::Object(event.into_iter().collect())).await?;
    Ok(OnAddonEventResponse::NoContent)
}
