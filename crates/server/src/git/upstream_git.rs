//! Git at the upstream: permissions are its own, and a push is announced before it is answered.

use bytes::Bytes;
use heliostat_api::Call;
use heliostat_auth::{Caller, Credentials};
use heliostat_git::{Asker, ByteStream, GitProtocol, Repository};
use heliostat_refusal::Refusal;
use heliostat_upstream::{RequestFacts, Upstream};

use super::access::{GitAccess, Readable};

/// The upstream as git clients see it.
pub struct UpstreamGit {
    /// The primary.
    pub upstream: Upstream,
}

impl UpstreamGit {
    async fn identify(&self, call: &Call) -> Result<Caller, Refusal> {
        let credentials = Credentials::parse(call.authorization.as_deref(), None)?;
        let facts = RequestFacts { method: &call.method, path: &call.path, raw_query: call.query.as_deref() };
        self.upstream.identify(credentials, facts).await
    }
}

impl GitAccess for UpstreamGit {
    async fn readable(&self, call: &Call, project_key: &str, slug: &str) -> Result<Readable, Refusal> {
        let caller = self.identify(call).await?;
        let repository = self.upstream.read_with_git(&caller, project_key, slug).await?.git;
        Ok(Readable { repository, asker: asker(&caller, call) })
    }

    async fn pushable(&self, call: &Call, project_key: &str, slug: &str) -> Result<Repository, Refusal> {
        let caller = self.identify(call).await?;
        Ok(self.upstream.push_with_git(&caller, project_key, slug).await?.git)
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
        let access = self.upstream.push_with_git(&caller, project_key, slug).await?;
        Ok(self.upstream.receive_pack(&caller, access, pack, protocol).await?.output)
    }
}

/// A user is one asker wherever he asks from; strangers are told apart by their address.
fn asker(caller: &Caller, call: &Call) -> Asker {
    match caller {
        Caller::Anonymous => Asker::named(&call.peer.map(|peer| peer.to_string()).unwrap_or_default()),
        caller => Asker::named(&format!("{caller:?}")),
    }
}
