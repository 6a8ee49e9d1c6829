//! POST /upstreamServers/{upstreamId}/heldBack/confirmation: lets what is held back go into the trash.

use heliostat_api::ops::{ConfirmRemoval, ConfirmRemovalRequest, ConfirmRemovalResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::http::request_record;
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
        // It stands for a list of repositories by now, and cannot be a secret that was typed here.
        request_record::about(token);
        Ok(ConfirmRemovalResponse::Ok(ApiJson(held_back(&left))))
    }
}
