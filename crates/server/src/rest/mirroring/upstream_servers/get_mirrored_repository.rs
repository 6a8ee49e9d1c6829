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
        let repository = self
            .mirror
            .mirrored_repository(&request.upstream_id, &request.upstream_repo_id, &caller, &credentials)
            .await?;
        Ok(GetMirroredRepositoryResponse::Ok(ApiJson(self.wire.mirrored_repository(&repository))))
    }
}
