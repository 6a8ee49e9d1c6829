//! GET /upstreamServers: the upstream that this mirror follows, in a page.

use heliostat_api::ops::{ListUpstreamServers, ListUpstreamServersRequest, ListUpstreamServersResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::permit;

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::page::{page, page_request};

impl ListUpstreamServers for MirrorHandlers {
    async fn list_upstream_servers(
        &self,
        call: Call,
        request: ListUpstreamServersRequest,
    ) -> Result<ListUpstreamServersResponse, Problem> {
        let caller = self.identify(&call).await?;
        permit::administer(&caller)?;
        let servers = self
            .wire
            .upstream_servers(&self.mirror.upstream_servers(), page_request(request.start, request.limit));
        Ok(ListUpstreamServersResponse::Ok(ApiJson(page(servers))))
    }
}
