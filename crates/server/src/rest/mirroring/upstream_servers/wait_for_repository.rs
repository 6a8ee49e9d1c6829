//! GET /upstreamServers/{upstreamId}/repos/{upstreamRepoId}/wait: answers when a commit or a ref is here.

use std::time::Duration;

use heliostat_api::ops::{WaitForRepository, WaitForRepositoryRequest, WaitForRepositoryResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::Awaited;

use crate::client_keys::key_of_caller;
use crate::http::problem::Problem;
use crate::http::rest_places;
use crate::rest::MirrorHandlers;

impl WaitForRepository for MirrorHandlers {
    async fn wait_for_repository(
        &self,
        call: Call,
        request: WaitForRepositoryRequest,
    ) -> Result<WaitForRepositoryResponse, Problem> {
        let credentials = self.credentials(&call)?;
        let caller = self.identify(&call).await?;
        let lookups = &self.mirror.lookups;
        let (upstream_id, id) = (&request.upstream_id, &request.upstream_repo_id);
        let reader = lookups.reader(upstream_id, id, &caller, &credentials, call.peer).await?;
        let awaited = Awaited::read(request.commit.as_deref(), request.reference.as_deref())?;
        // The contract has refused negative numbers before.
        let timeout = Duration::from_secs(u64::try_from(request.timeout).unwrap_or(0));
        rest_places::go_on_without();
        let client = key_of_caller(&caller, call.peer);
        self.mirror.arrivals.wait(&reader, &[awaited], timeout, client).await?;
        // As it is now, and if it may still be seen.
        let reader = lookups.reader(upstream_id, id, &caller, &credentials, call.peer).await?;
        let repository = lookups.mirrored_repository(&reader);
        Ok(WaitForRepositoryResponse::Ok(ApiJson(self.wire.mirrored_repository(&repository))))
    }
}
