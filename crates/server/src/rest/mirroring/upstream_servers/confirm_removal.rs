//! POST /upstreamServers/{upstreamId}/heldBack/confirmation: lets what is held back go into the trash.

use heliostat_api::ops::{ConfirmRemoval, ConfirmRemovalRequest, ConfirmRemovalResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::held_back;

impl ConfirmRemoval for MirrorHandlers {
    async fn confirm_removal(
        &self,
        call: Call,
        request: ConfirmRemovalRequest,
    ) -> Result<ConfirmRemovalResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let (upstream_id, token) = (&request.upstream_id, &request.body.token);
        let left = self.mirror.held_back.confirm_removal(&administrator, upstream_id, token).await?;
        Ok(ConfirmRemovalResponse::Ok(ApiJson(held_back(&left))))
    }
}
