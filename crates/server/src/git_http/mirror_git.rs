//! Git at a mirror: the upstream decides who may read, and nobody pushes here.

use std::sync::Arc;

use bytes::Bytes;
use heliostat_api::Call;
use heliostat_auth::Credentials;
use heliostat_git::{Asker, ByteStream, GitProtocol, Repository};
use heliostat_mirror::Mirror;
use heliostat_refusal::Refusal;

use super::{GitAccess, Readable};

/// The mirror as git clients see it.
pub struct MirrorGit {
    /// The replica.
    pub mirror: Arc<Mirror>,
}

impl GitAccess for MirrorGit {
    /// With protocol version 2 refs are shown in answer to a POST as well, so every request waits until the
    /// repository is as new as the mirror has been told that it should be.
    async fn readable(&self, call: &Call, project_key: &str, slug: &str) -> Result<Readable, Refusal> {
        let credentials = Credentials::parse(call.authorization.as_deref(), None)?;
        let served = self.mirror.serving.open(project_key, slug, &credentials).await?;
        Ok(Readable { repository: served.repository, asker: asker(&credentials, call) })
    }

    async fn pushable(&self, call: &Call, project_key: &str, slug: &str) -> Result<Repository, Refusal> {
        // Whoever may not read learns nothing, not even where to push.
        let credentials = Credentials::parse(call.authorization.as_deref(), None)?;
        let served = self.mirror.serving.open(project_key, slug, &credentials).await?;
        let record = &served.record;
        Err(pushes_go_upstream(&self.mirror.serving.upstream_url(&record.project_key, &record.slug)))
    }

    async fn take_push(
        &self,
        call: &Call,
        project_key: &str,
        slug: &str,
        _pack: ByteStream,
        _protocol: GitProtocol,
    ) -> Result<Bytes, Refusal> {
        self.pushable(call, project_key, slug).await?;
        Err(Refusal::forbidden("This is a mirror: push to its upstream."))
    }
}

fn pushes_go_upstream(url: &str) -> Refusal {
    Refusal::forbidden(format!(
        "This is a mirror: push to its upstream with `git remote set-url --push origin {url}`."
    ))
}

/// One asker for each user name or token; strangers are told apart by their address.
fn asker(credentials: &Credentials, call: &Call) -> Asker {
    match credentials {
        Credentials::Basic { username, .. } => Asker::named(username),
        _ => Asker::named(&call.peer.map(|peer| peer.to_string()).unwrap_or_default()),
    }
}
