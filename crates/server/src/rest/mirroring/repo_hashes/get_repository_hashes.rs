//! GET /repo-hashes: both hashes of each repository, streamed.

use heliostat_api::Call;
use heliostat_api::ops::{GetRepositoryHashes, GetRepositoryHashesResponse};

use super::hash_document::{WantedHashes, hash_document};
use super::hash_source::HashSource;
use crate::http::problem::Problem;
use crate::rest::{MirrorHandlers, UpstreamHandlers};

impl GetRepositoryHashes for UpstreamHandlers {
    async fn get_repository_hashes(&self, call: Call) -> Result<GetRepositoryHashesResponse, Problem> {
        answer(self, &call).await
    }
}

impl GetRepositoryHashes for MirrorHandlers {
    async fn get_repository_hashes(&self, call: Call) -> Result<GetRepositoryHashesResponse, Problem> {
        answer(self, &call).await
    }
}

async fn answer(role: &impl HashSource, call: &Call) -> Result<GetRepositoryHashesResponse, Problem> {
    let chunks = role.hash_chunks(call).await?;
    Ok(GetRepositoryHashesResponse::Ok(hash_document(chunks, WantedHashes::Both).await?))
}
