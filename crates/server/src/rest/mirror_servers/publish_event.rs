//! POST /mirrorServers/{mirrorId}/events: a mirror reports how a synchronization ended.

use heliostat_api::Call;
use heliostat_api::models::RestRepositoryMirrorEvent;
use heliostat_api::upstream::PublishEventResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::mirror_server::sync_report;

/// A mirror reports how a synchronization ended.
pub async fn publish_event(
    role: &UpstreamOperations,
    call: Call,
    mirror_id: String,
    body: RestRepositoryMirrorEvent,
) -> Result<PublishEventResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.publish_event(&caller, &mirror_id, &sync_report(body)).await?;
    Ok(PublishEventResponse::NoContent)
}
