//! GET /mirrorServers/{mirrorId}/standing: how a mirror stands, for administrators.

use heliostat_api::ops::{GetMirrorStanding, GetMirrorStandingRequest, GetMirrorStandingResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::mirror_standing::mirror_standing;

impl GetMirrorStanding for UpstreamHandlers {
    async fn get_mirror_standing(
        &self,
        call: Call,
        request: GetMirrorStandingRequest,
    ) -> Result<GetMirrorStandingResponse, Problem> {
        let caller = self.identify(&call).await?;
        let members = &self.upstream.downstream().members;
        let standing = members.standing(permit::admin(&caller)?, &request.mirror_id).await?;
        Ok(GetMirrorStandingResponse::Ok(ApiJson(mirror_standing(standing))))
    }
}
