//! GET /upstreamServers/{upstreamId}/repos/{upstreamRepoId}: one repository as it is here, for signed links and readers.

use heliostat_api::ops::{
    GetMirroredRepository, GetMirroredRepositoryRequest, GetMirroredRepositoryResponse,
};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl GetMirroredRepository for MirrorHandlers {
    async fn get_mirrored_repository(
        &self,
        call: Call,
        request: GetMirroredRepositoryRequest,
    ) -> Result<GetMirroredRepositoryResponse, Problem> {
        let credentials = self.credentials(&call)?;
        let caller = self.identify(&call).await?;
        let lookups = &self.mirror.lookups;
        let (upstream_id, id) = (&request.upstream_id, &request.upstream_repo_id);
        let reader = lookups.reader(upstream_id, id, &caller, &credentials, call.peer).await?;
        let repository = lookups.mirrored_repository(&reader);
        Ok(GetMirroredRepositoryResponse::Ok(ApiJson(self.wire.mirrored_repository(&repository))))
    }
}
