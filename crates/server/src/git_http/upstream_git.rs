//! Git at the upstream: permissions are its own, and a push is announced before it is answered.

use bytes::Bytes;
use heliostat_api::Call;
use heliostat_auth::{Caller, Credentials};
use heliostat_git::{Asker, ByteStream, GitProtocol, Repository};
use heliostat_refusal::Refusal;
use heliostat_upstream::{RequestFacts, Upstream};

use super::{GitAccess, Readable};

/// The upstream as git clients see it.
pub struct UpstreamGit {
    /// The primary.
    pub upstream: Upstream,
}

impl UpstreamGit {
    async fn identify(&self, call: &Call) -> Result<Caller, Refusal> {
        let credentials = Credentials::parse(call.authorization.as_deref(), None)?;
        let facts = RequestFacts { method: &call.method, path: &call.path, raw_query: call.query.as_deref() };
        self.upstream.accounts().identify(credentials, facts).await
    }
}

impl GitAccess for UpstreamGit {
    async fn readable(&self, call: &Call, project_key: &str, slug: &str) -> Result<Readable, Refusal> {
        let caller = self.identify(call).await?;
        let repositories = self.upstream.repositories();
        let reader = repositories.reader(&caller, project_key, without_suffix(slug)).await?;
        let repository = repositories.read_with_git(&reader).await?;
        Ok(Readable { repository, asker: asker(&caller, call) })
    }

    async fn pushable(&self, call: &Call, project_key: &str, slug: &str) -> Result<Repository, Refusal> {
        let caller = self.identify(call).await?;
        let repositories = self.upstream.repositories();
        let writer = repositories.writer(&caller, project_key, without_suffix(slug)).await?;
        Ok(repositories.push_with_git(&writer).await?.git().clone())
    }

    async fn take_push(
        &self,
        call: &Call,
        project_key: &str,
        slug: &str,
        pack: ByteStream,
        protocol: GitProtocol,
    ) -> Result<Bytes, Refusal> {
        let caller = self.identify(call).await?;
        let repositories = self.upstream.repositories();
        let writer = repositories.writer(&caller, project_key, without_suffix(slug)).await?;
        let access = repositories.push_with_git(&writer).await?;
        Ok(repositories.receive_pack(access, pack, protocol).await?.output)
    }
}

/// The slug of a repository: clients append `.git` or not.
fn without_suffix(slug: &str) -> &str {
    slug.strip_suffix(".git").unwrap_or(slug)
}

/// A user is one asker wherever he asks from; strangers are told apart by their address.
fn asker(caller: &Caller, call: &Call) -> Asker {
    match caller {
        Caller::Anonymous => Asker::named(&call.peer.map(|peer| peer.to_string()).unwrap_or_default()),
        caller => Asker::named(&format!("{caller:?}")),
    }
}
