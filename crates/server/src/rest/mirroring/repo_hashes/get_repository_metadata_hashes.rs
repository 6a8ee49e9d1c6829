//! GET /repo-hashes/metadata: the metadata hash of each repository, streamed.

use heliostat_api::Call;
use heliostat_api::ops::{GetRepositoryMetadataHashes, GetRepositoryMetadataHashesResponse};

use super::hash_document::{WantedHashes, hash_document};
use super::hash_source::HashSource;
use crate::http::problem::Problem;
use crate::rest::{MirrorHandlers, UpstreamHandlers};

impl GetRepositoryMetadataHashes for UpstreamHandlers {
    async fn get_repository_metadata_hashes(
        &self,
        call: Call,
    ) -> Result<GetRepositoryMetadataHashesResponse, Problem> {
        answer(self, &call).await
    }
}

impl GetRepositoryMetadataHashes for MirrorHandlers {
    async fn get_repository_metadata_hashes(
        &self,
        call: Call,
    ) -> Result<GetRepositoryMetadataHashesResponse, Problem> {
        answer(self, &call).await
    }
}

async fn answer(role: &impl HashSource, call: &Call) -> Result<GetRepositoryMetadataHashesResponse, Problem> {
    let chunks = role.hash_chunks(call).await?;
    Ok(GetRepositoryMetadataHashesResponse::Ok(hash_document(chunks, WantedHashes::Metadata).await?))
}
