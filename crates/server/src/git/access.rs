//! Who may read and push with Git: a role says so by implementing [`GitAccess`]; everything else is the same for both.

use std::future::Future;

use bytes::Bytes;
use heliostat_api::Call;
use heliostat_git::{Asker, ByteStream, GitProtocol, Repository};
use heliostat_refusal::Refusal;

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
