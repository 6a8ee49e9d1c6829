//! POST /upstreamServers/{upstreamId}/repos/{upstreamRepoId}/synchronization: gone; mirrors synchronise by themselves.

use heliostat_api::Call;
use heliostat_api::ops::{
    SynchronizeRepositoryWithUpstream, SynchronizeRepositoryWithUpstreamRequest,
    SynchronizeRepositoryWithUpstreamResponse,
};
use heliostat_refusal::Refusal;

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl SynchronizeRepositoryWithUpstream for MirrorHandlers {
    async fn synchronize_repository_with_upstream(
        &self,
        _call: Call,
        _request: SynchronizeRepositoryWithUpstreamRequest,
    ) -> Result<SynchronizeRepositoryWithUpstreamResponse, Problem> {
        Err(Refusal::gone(
            "Synchronization can no longer be requested: a mirror follows each push by itself and compares everything \
             with its upstream at regular intervals. GET /upstreamServers/{upstreamId}/repos/{upstreamRepoId} tells \
             how far this repository is.",
        )
        .into())
    }
}
