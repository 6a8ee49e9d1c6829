//! GET /repo-hashes/content: the content hash of each repository, streamed.

use heliostat_api::Call;
use heliostat_api::ops::{GetRepositoryContentHashes, GetRepositoryContentHashesResponse};

use super::hash_document::{WantedHashes, hash_document};
use super::hash_source::HashSource;
use crate::http::problem::Problem;
use crate::rest::{MirrorHandlers, UpstreamHandlers};

impl GetRepositoryContentHashes for UpstreamHandlers {
    async fn get_repository_content_hashes(
        &self,
        call: Call,
    ) -> Result<GetRepositoryContentHashesResponse, Problem> {
        answer(self, &call).await
    }
}

impl GetRepositoryContentHashes for MirrorHandlers {
    async fn get_repository_content_hashes(
        &self,
        call: Call,
    ) -> Result<GetRepositoryContentHashesResponse, Problem> {
        answer(self, &call).await
    }
}

async fn answer(role: &impl HashSource, call: &Call) -> Result<GetRepositoryContentHashesResponse, Problem> {
    let chunks = role.hash_chunks(call).await?;
    Ok(GetRepositoryContentHashesResponse::Ok(hash_document(chunks, WantedHashes::Content).await?))
}
