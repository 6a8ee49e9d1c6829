//! Where each role has the hashes from: chunk by chunk, read when the one before was sent.

use std::num::ParseIntError;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream, try_unfold};
use heliostat_api::Call;
use heliostat_refusal::Refusal;
use heliostat_storage::MirroredRepository;
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::{MirrorHandlers, UpstreamHandlers};

/// How many repositories are read at first, so that the answer begins soon.
const FIRST_CHUNK_REPOSITORIES: u64 = 64;

/// How many are read at once after some chunks, each twice as large as the one before. This bounds what one answer holds
/// in memory.
const MAX_CHUNK_REPOSITORIES: u64 = 1_024;

/// The hashes of one repository, as both roles know them.
#[derive(Debug, Clone)]
pub struct HashRow {
    /// The upstream's id of the project.
    pub project_id: i32,
    /// Whether the project is public.
    pub project_public: bool,
    /// The upstream's id of the repository.
    pub repository_id: i32,
    /// What tells the repository from another one with its id; only an upstream says so.
    pub identity: Option<String>,
    /// Hash over the refs, if there are any yet.
    pub content: Option<String>,
    /// Hash over what else is known about it, if it was told.
    pub metadata: Option<String>,
}

/// Rows project by project, in chunks.
pub type HashChunks = BoxStream<'static, Result<Vec<HashRow>, Refusal>>;

/// A role that has hashes.
pub trait HashSource {
    /// What the caller may see of them.
    async fn hash_chunks(&self, call: &Call) -> Result<HashChunks, Problem>;
}

impl HashSource for UpstreamHandlers {
    async fn hash_chunks(&self, call: &Call) -> Result<HashChunks, Problem> {
        let caller = self.identify(call).await?;
        let upstream = self.upstream.clone();
        let chunks = try_unfold((None, FIRST_CHUNK_REPOSITORIES), move |(after, chunk)| {
            let (upstream, caller) = (upstream.clone(), caller.clone());
            async move {
                let found = upstream
                    .repositories()
                    .repository_hashes(permit::authenticated(&caller)?, after, chunk)
                    .await?;
                let Some(last) = found.last() else {
                    return Ok(None);
                };
                let after = Some((last.project_id, last.repository_id));
                let rows = found.into_iter().map(|found| HashRow {
                    project_id: found.project_id.0,
                    project_public: found.project_public,
                    repository_id: found.repository_id.0,
                    identity: Some(found.identity.to_string()),
                    content: Some(found.content_hash),
                    metadata: Some(found.metadata_hash),
                });
                Ok(Some((rows.collect(), (after, (chunk * 2).min(MAX_CHUNK_REPOSITORIES)))))
            }
        });
        Ok(chunks.boxed())
    }
}

impl HashSource for MirrorHandlers {
    async fn hash_chunks(&self, call: &Call) -> Result<HashChunks, Problem> {
        let administrator = self.administrator(call).await?;
        let mut records = self.mirror.support_info.records_by_project(&administrator).into_iter();
        let chunks = std::iter::from_fn(move || {
            let chunk: Vec<_> = records.by_ref().take(FIRST_CHUNK_REPOSITORIES as usize).collect();
            (!chunk.is_empty())
                .then(|| chunk.iter().map(|record| row_of(record)).collect::<Result<Vec<_>, _>>())
        });
        Ok(stream::iter(chunks).boxed())
    }
}

/// What a mirror knows of a repository, in numbers as the upstream counts.
fn row_of(record: &MirroredRepository) -> Result<HashRow, Refusal> {
    let number = |id: &str| id.parse().map_err(|error: ParseIntError| Refusal::internal(error));
    Ok(HashRow {
        project_id: number(&record.project_id)?,
        project_public: record.project_public,
        repository_id: number(&record.external_id)?,
        identity: None,
        content: record.content_hash.clone(),
        metadata: Some(record.metadata_hash.clone()).filter(|hash| !hash.is_empty()),
    })
}
