//! GET /upstreamServers/{upstreamId}/heldBack: what is neither removed nor overwritten before an administrator confirms.

use heliostat_api::ops::{GetHeldBack, GetHeldBackRequest, GetHeldBackResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::held_back;

impl GetHeldBack for MirrorHandlers {
    async fn get_held_back(
        &self,
        call: Call,
        request: GetHeldBackRequest,
    ) -> Result<GetHeldBackResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let list = self.mirror.held_back.list(&administrator, &request.upstream_id)?;
        Ok(GetHeldBackResponse::Ok(ApiJson(held_back(&list))))
    }
}
