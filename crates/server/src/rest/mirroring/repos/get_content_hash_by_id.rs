//! GET /repos/{repoId}: one repository with what mirrors compare.

use heliostat_api::ops::{GetContentHashById, GetContentHashByIdRequest, GetContentHashByIdResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetContentHashById for UpstreamHandlers {
    async fn get_content_hash_by_id(
        &self,
        call: Call,
        request: GetContentHashByIdRequest,
    ) -> Result<GetContentHashByIdResponse, Problem> {
        let caller = self.identify(&call).await?;
        let repository = self.upstream.repositories().repository_by_id(&caller, &request.repo_id).await?;
        let mut enriched = self.wire.enriched_repository(&repository, request.include_default_branch);
        enriched.properties.nonce = request.nonce;
        Ok(GetContentHashByIdResponse::Ok(ApiJson(enriched)))
    }
}
