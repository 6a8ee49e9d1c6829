//! GET /upstreamServers: the upstream that this mirror follows, in a page.

use heliostat_api::ops::{ListUpstreamServers, ListUpstreamServersRequest, ListUpstreamServersResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::page::{page, page_request};

impl ListUpstreamServers for MirrorHandlers {
    async fn list_upstream_servers(
        &self,
        call: Call,
        request: ListUpstreamServersRequest,
    ) -> Result<ListUpstreamServersResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let servers = self.wire.upstream_servers(
            &self.mirror.lookups.upstream_servers(&administrator),
            page_request(request.start, request.limit),
        );
        Ok(ListUpstreamServersResponse::Ok(ApiJson(page(servers))))
    }
}
