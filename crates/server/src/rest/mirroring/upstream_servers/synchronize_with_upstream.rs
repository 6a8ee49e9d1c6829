//! POST /upstreamServers/{upstreamId}/synchronization: gone; mirrors synchronise by themselves.

use heliostat_api::Call;
use heliostat_api::ops::{
    SynchronizeWithUpstream, SynchronizeWithUpstreamRequest, SynchronizeWithUpstreamResponse,
};
use heliostat_refusal::Refusal;

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl SynchronizeWithUpstream for MirrorHandlers {
    async fn synchronize_with_upstream(
        &self,
        _call: Call,
        _request: SynchronizeWithUpstreamRequest,
    ) -> Result<SynchronizeWithUpstreamResponse, Problem> {
        Err(Refusal::gone(
            "Synchronization can no longer be requested: a mirror follows each push by itself and compares everything \
             with its upstream at regular intervals. GET /upstreamServers/{upstreamId}/progress tells how far it is.",
        )
        .into())
    }
}
