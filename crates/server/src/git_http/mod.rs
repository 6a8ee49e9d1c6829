//! Git over HTTP: who may, then the stream between the git client and the git process.
//!
//! A role says who may read and push by implementing [`GitAccess`]; everything else is the same for both.

mod bundle;
mod endpoint;
mod mirror_git;
mod request;
mod upstream_git;

use std::future::Future;

use bytes::Bytes;
use heliostat_api::Call;
use heliostat_git::{Asker, ByteStream, GitProtocol, Repository};
use heliostat_refusal::Refusal;

pub use endpoint::GitEndpoint;
pub use mirror_git::MirrorGit;
pub use upstream_git::UpstreamGit;

/// A repository that may be read, and who reads it.
pub struct Readable {
    /// The repository.
    pub repository: Repository,
    /// Whose turn a computation takes.
    pub asker: Asker,
}

/// What a role decides about Git requests.
pub trait GitAccess: Send + Sync + 'static {
    /// The repository, if the caller may fetch from it; fresh enough to be advertised.
    fn readable(
        &self,
        call: &Call,
        project_key: &str,
        slug: &str,
    ) -> impl Future<Output = Result<Readable, Refusal>> + Send;

    /// The repository, if the caller may push to it here.
    fn pushable(
        &self,
        call: &Call,
        project_key: &str,
        slug: &str,
    ) -> impl Future<Output = Result<Repository, Refusal>> + Send;

    /// Takes a push and returns git's report, after the change has been recorded.
    fn take_push(
        &self,
        call: &Call,
        project_key: &str,
        slug: &str,
        pack: ByteStream,
        protocol: GitProtocol,
    ) -> impl Future<Output = Result<Bytes, Refusal>> + Send;
}
