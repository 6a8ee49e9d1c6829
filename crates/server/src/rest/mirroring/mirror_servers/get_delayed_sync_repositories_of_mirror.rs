//! GET /mirrorServers/{mirrorId}/delayed-sync: what is behind on a mirror, for administrators.

use heliostat_api::ops::{
    GetDelayedSyncRepositoriesOfMirror, GetDelayedSyncRepositoriesOfMirrorRequest,
    GetDelayedSyncRepositoriesOfMirrorResponse,
};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::mirror_standing::delayed_copy;
use crate::wire::page::{page, page_request};

impl GetDelayedSyncRepositoriesOfMirror for UpstreamHandlers {
    async fn get_delayed_sync_repositories_of_mirror(
        &self,
        call: Call,
        request: GetDelayedSyncRepositoriesOfMirrorRequest,
    ) -> Result<GetDelayedSyncRepositoriesOfMirrorResponse, Problem> {
        let caller = self.identify(&call).await?;
        let members = &self.upstream.downstream().members;
        let wanted = page_request(request.start, request.limit);
        let copies = members.delayed_copies(permit::admin(&caller)?, &request.mirror_id, wanted).await?;
        Ok(GetDelayedSyncRepositoriesOfMirrorResponse::Ok(ApiJson(page(copies.map(delayed_copy)))))
    }
}
