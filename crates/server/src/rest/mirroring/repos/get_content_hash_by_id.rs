//! GET /repos/{repoId}: one repository with what mirrors compare.

use heliostat_api::ops::{GetContentHashById, GetContentHashByIdRequest, GetContentHashByIdResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::http::remembered_answers;
use crate::rest::UpstreamHandlers;

impl GetContentHashById for UpstreamHandlers {
    async fn get_content_hash_by_id(
        &self,
        call: Call,
        request: GetContentHashByIdRequest,
    ) -> Result<GetContentHashByIdResponse, Problem> {
        // A nonce asks for an answer that was never given before.
        if request.nonce.is_none() {
            remembered_answers::begin().await;
        }
        let caller = self.identify(&call).await?;
        let repositories = self.upstream.repositories();
        let repository = repositories.repository_with_hashes(&caller, &request.repo_id).await?;
        remembered_answers::shows(repository.id);
        let mut enriched = self.wire.enriched_repository(&repository, request.include_default_branch);
        enriched.properties.nonce = request.nonce;
        Ok(GetContentHashByIdResponse::Ok(ApiJson(enriched)))
    }
}
