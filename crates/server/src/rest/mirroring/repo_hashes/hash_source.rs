//! Where each role has the hashes from: chunk by chunk, read when the one before was sent.

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, try_unfold};
use heliostat_api::Call;
use heliostat_refusal::Refusal;
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::{MirrorHandlers, UpstreamHandlers};

/// How many repositories are read at once. This bounds what one answer holds in memory.
const CHUNK_REPOSITORIES: u64 = 100;

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
        let chunks = try_unfold(None, move |after| {
            let (upstream, caller) = (upstream.clone(), caller.clone());
            async move {
                let found = upstream
                    .repositories()
                    .repository_hashes(permit::authenticated(&caller)?, after, CHUNK_REPOSITORIES)
                    .await?;
                let Some(last) = found.last() else {
                    return Ok(None);
                };
                let next = Some((last.project_id, last.repository_id));
                let rows = found.into_iter().map(|found| HashRow {
                    project_id: found.project_id.0,
                    project_public: found.project_public,
                    repository_id: found.repository_id.0,
                    identity: Some(found.identity.to_string()),
                    content: Some(found.content_hash),
                    metadata: Some(found.metadata_hash),
                });
                Ok(Some((rows.collect(), next)))
            }
        });
        Ok(chunks.boxed())
    }
}

impl HashSource for MirrorHandlers {
    async fn hash_chunks(&self, call: &Call) -> Result<HashChunks, Problem> {
        let administrator = self.administrator(call).await?;
        let mirror = self.mirror.clone();
        let chunks = try_unfold(None, move |after| {
            let mirror = mirror.clone();
            async move {
                let support_info = &mirror.support_info;
                let chunk = support_info.repository_hashes(&administrator, after, CHUNK_REPOSITORIES).await?;
                let Some((hashes, next)) = chunk else {
                    return Ok(None);
                };
                let rows = hashes.into_iter().map(|hashes| HashRow {
                    project_id: hashes.project_id,
                    project_public: hashes.project_public,
                    repository_id: hashes.repository_id,
                    identity: None,
                    content: hashes.content,
                    metadata: Some(hashes.metadata).filter(|hash| !hash.is_empty()),
                });
                Ok(Some((rows.collect(), Some(next))))
            }
        });
        Ok(chunks.boxed())
    }
}
