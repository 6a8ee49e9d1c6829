//! POST /mirrorServers/{mirrorId}/events: a mirror reports how a synchronization ended.

use heliostat_api::Call;
use heliostat_api::models::RestRepositoryMirrorEvent;
use heliostat_api::upstream::PublishEventResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::mirror_server::mirror_outcome;

/// A mirror reports how a synchronization ended.
pub async fn publish_event(
    role: &UpstreamOperations,
    call: Call,
    mirror_id: String,
    body: RestRepositoryMirrorEvent,
) -> Result<PublishEventResponse, Problem> {
    let caller = role.identify(&call).await?;
    let outcome = mirror_outcome(body.kind);
    role.upstream
        .publish_event(&caller, &mirror_id, outcome, &body.upstream_repo_id, body.mirror_repo_id)
        .await?;
    Ok(PublishEventResponse::NoContent)
}
