//! Git at a mirror: the upstream decides who may read, and pushes are sent there.

use std::sync::Arc;

use bytes::Bytes;
use heliostat_auth::{Credentials, UserIdentity};
use heliostat_git::{ByteStream, GitProtocol};
use heliostat_git_serve::{ClientKey, GitReader, RemoteMessage};
use heliostat_mirror::{Freshness, Mirror, Passed, PassedRequest};
use heliostat_refusal::Refusal;

use super::access::{FoundCaller, GitAccess, GitClient, Pushable, ReadFreshness, Readable};
use super::project_path::ProjectPath;
use crate::client_keys::{key_of_account, key_of_address};
use crate::metrics::FreshnessCounters;
use crate::wire::freshness::{FreshnessState, THROUGH, words_beside};

/// The mirror as git clients see it.
pub struct MirrorGit {
    /// The replica.
    pub mirror: Arc<Mirror>,
    /// Where clients find this server.
    pub base_url: String,
    /// How fresh answers were.
    pub freshness: Arc<FreshnessCounters>,
}

impl MirrorGit {
    fn note(&self, path: &ProjectPath, freshness: &Freshness) {
        self.freshness.count(freshness);
        tracing::debug!(
            project.key = path.project_key,
            repository.slug = path.slug,
            freshness = FreshnessState::of(freshness).as_str(),
            served = freshness.served.0,
            known = freshness.known.0,
            waited_ms = freshness.waited.as_millis() as u64,
            upstream_reachable = freshness.upstream.reachable,
            "opened a repository for a Git reader"
        );
    }

    /// The upstream answers, because what is here is only so fresh.
    fn note_through(&self, path: &ProjectPath, freshness: Option<&Freshness>) {
        self.freshness.count_through(freshness);
        tracing::debug!(
            project.key = path.project_key,
            repository.slug = path.slug,
            freshness = THROUGH,
            known = freshness.map(|freshness| freshness.known.0),
            waited_ms = freshness.map(|freshness| freshness.waited.as_millis() as u64),
            "led a Git reader through to the upstream"
        );
    }

    /// What Git shows its users beside an answer from here.
    fn messages(&self, freshness: &Freshness) -> Vec<RemoteMessage> {
        let words = words_beside(freshness, self.mirror.options.clock.now_ms());
        words.iter().map(|words| RemoteMessage::line(words)).collect()
    }
}

impl GitAccess for MirrorGit {
    /// Not an account: only the upstream knows what credentials are worth.
    type Identity = Credentials;
    type Path = ProjectPath;

    fn path_of(&self, address: &str) -> Option<ProjectPath> {
        ProjectPath::read(address)
    }

    /// With protocol version 2 refs are shown in answer to a POST as well, so every request waits until the
    /// repository is as new as the mirror has been told that it should be.
    async fn readable(
        &self,
        client: &GitClient<Credentials>,
        path: &ProjectPath,
    ) -> Result<Readable, Refusal> {
        let served =
            self.mirror.serving.open(&path.project_key, &path.slug, &client.identity, client.address).await?;
        if served.through.is_none() {
            self.note(path, &served.freshness);
        }
        let freshness = Some(ReadFreshness::OfUpstream(served.freshness));
        let messages = self.messages(&served.freshness);
        let reader = GitReader::told(key_of(client, served.user.as_ref()), messages);
        let reader = match served.object_source {
            Some(object_source) => reader.asking(object_source),
            None => reader,
        };
        let caller = found(served.user.as_ref());
        Ok(Readable { caller, repository: served.repository, reader, freshness, through: served.through })
    }

    async fn pass(
        &self,
        client: &GitClient<Credentials>,
        path: &ProjectPath,
        readable: &mut Readable,
        request: PassedRequest,
    ) -> Result<Option<ByteStream>, Refusal> {
        let Some(through) = readable.through.take() else { return Ok(None) };
        match through.pass(request, readable.reader.key()).await? {
            Passed::ByUpstream(answer) => {
                let freshness = readable.freshness.as_ref().and_then(ReadFreshness::of_upstream);
                self.note_through(path, freshness);
                Ok(Some(answer))
            }
            Passed::Here(_) if readable.repository.is_err() => {
                // It may have come meanwhile.
                *readable = self.readable(client, path).await?;
                let comes_from_here = readable.through.take().is_some() && readable.repository.is_ok();
                let freshness = readable.freshness.as_ref().and_then(ReadFreshness::of_upstream);
                if let Some(freshness) = freshness.filter(|_| comes_from_here) {
                    self.note(path, freshness);
                }
                Ok(None)
            }
            Passed::Here(freshness) => {
                self.note(path, &freshness);
                readable.reader.tell(self.messages(&freshness));
                readable.freshness = Some(ReadFreshness::OfUpstream(freshness));
                Ok(None)
            }
        }
    }

    async fn pushable(
        &self,
        client: &GitClient<Credentials>,
        path: &ProjectPath,
    ) -> Result<Pushable, Refusal> {
        // A client that may not read learns nothing, not even where to push.
        let served =
            self.mirror.serving.open(&path.project_key, &path.slug, &client.identity, client.address).await?;
        let record = &served.record;
        let url = self.mirror.serving.upstream_url(&record.project_key, &record.slug);
        Ok(Pushable { caller: found(served.user.as_ref()), repository: Err(pushes_go_upstream(&url)) })
    }

    fn url_of(&self, path: &ProjectPath) -> String {
        path.below(&self.base_url)
    }

    fn unreadable(&self, path: &ProjectPath) -> Refusal {
        self.mirror.serving.not_readable(&path.project_key, &path.slug)
    }

    async fn take_push(
        &self,
        client: &GitClient<Credentials>,
        path: &ProjectPath,
        _pack: ByteStream,
        _protocol: GitProtocol,
    ) -> Result<Bytes, Refusal> {
        self.pushable(client, path).await?.repository?;
        Err(Refusal::forbidden("This is a mirror: push to its upstream."))
    }
}

fn pushes_go_upstream(url: &str) -> Refusal {
    Refusal::forbidden(format!(
        "This is a mirror: push to its upstream with `git remote set-url --push origin {url}`."
    ))
}

/// The upstream says who is calling.
fn found(user: Option<&UserIdentity>) -> Option<FoundCaller> {
    user.map(|user| FoundCaller::User(user.name.clone()))
}

/// A user whom the upstream knows has one key wherever they call from; a name alone is none.
fn key_of(client: &GitClient<Credentials>, user: Option<&UserIdentity>) -> ClientKey {
    match user {
        Some(user) => key_of_account("user", user.id),
        None => key_of_address(client.address),
    }
}
