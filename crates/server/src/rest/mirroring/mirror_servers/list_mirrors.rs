//! GET /mirrorServers: the mirrors that have joined, for any signed-in user.

use heliostat_api::ops::{ListMirrors, ListMirrorsRequest, ListMirrorsResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request};

impl ListMirrors for UpstreamHandlers {
    async fn list_mirrors(
        &self,
        call: Call,
        request: ListMirrorsRequest,
    ) -> Result<ListMirrorsResponse, Problem> {
        let caller = self.identify(&call).await?;
        let mirrors = self
            .upstream
            .downstream()
            .members
            .mirrors(permit::authenticated(&caller)?, page_request(request.start, request.limit))
            .await?;
        Ok(ListMirrorsResponse::Ok(ApiJson(page(mirrors.map(|mirror| self.wire.mirror_server(&mirror))))))
    }
}
