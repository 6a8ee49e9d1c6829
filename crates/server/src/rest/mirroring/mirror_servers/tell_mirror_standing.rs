//! PUT /mirrorServers/{mirrorId}/standing: a mirror tells how far it is.

use heliostat_api::Call;
use heliostat_api::ops::{TellMirrorStanding, TellMirrorStandingRequest, TellMirrorStandingResponse};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::mirror_standing::mirror_copies;

impl TellMirrorStanding for UpstreamHandlers {
    async fn tell_mirror_standing(
        &self,
        call: Call,
        request: TellMirrorStandingRequest,
    ) -> Result<TellMirrorStandingResponse, Problem> {
        let caller = self.identify(&call).await?;
        let mirror = permit::this_mirror(&caller, &request.mirror_id)?;
        self.upstream.downstream().members.tell_standing(&mirror, mirror_copies(&request.body));
        Ok(TellMirrorStandingResponse::NoContent)
    }
}
