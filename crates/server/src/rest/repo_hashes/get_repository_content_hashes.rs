//! GET /repo-hashes/content: the content hash of each repository, streamed.

use heliostat_api::Call;
use heliostat_api::hashes::GetRepositoryContentHashesResponse;

use super::hash_document::{WantedHashes, hash_document};
use super::hash_source::HashSource;
use crate::problem::Problem;

pub async fn get_repository_content_hashes(
    role: &impl HashSource,
    call: Call,
) -> Result<GetRepositoryContentHashesResponse, Problem> {
    let chunks = role.hash_chunks(&call).await?;
    Ok(GetRepositoryContentHashesResponse::Ok(hash_document(chunks, WantedHashes::Content).await?))
}
