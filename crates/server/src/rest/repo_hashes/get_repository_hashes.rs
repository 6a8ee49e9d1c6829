//! GET /repo-hashes: both hashes of each repository, streamed.

use heliostat_api::Call;
use heliostat_api::hashes::GetRepositoryHashesResponse;

use super::hash_document::{WantedHashes, hash_document};
use super::hash_source::HashSource;
use crate::problem::Problem;

pub async fn get_repository_hashes(
    role: &impl HashSource,
    call: Call,
) -> Result<GetRepositoryHashesResponse, Problem> {
    let chunks = role.hash_chunks(&call).await?;
    Ok(GetRepositoryHashesResponse::Ok(hash_document(chunks, WantedHashes::Both).await?))
}
