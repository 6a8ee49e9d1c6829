//! Git at a mirror of another Git server: that server decides who may read, and pushes are sent there.

use std::sync::Arc;

use bytes::Bytes;
use heliostat_foreign::{Credentials, RepositoryPath};
use heliostat_git::{ByteStream, GitProtocol};
use heliostat_git_serve::{ClientKey, RemoteMessage};
use heliostat_origin::{Freshness, OpenedRepository, Origin};
use heliostat_refusal::Refusal;
use url::Url;

use super::access::{FoundCaller, GitAccess, GitClient, Pushable, ReadFreshness, Readable};
use crate::client_keys::{OriginClientKeys, key_of_address};
use crate::metrics::OriginFreshnessCounters;
use crate::wire::freshness::{FreshnessState, words_beside_outage};
use crate::wire::not_opened::not_opened;

/// The mirror of another Git server as git clients see it.
pub struct OriginGit {
    /// What it serves.
    pub origin: Arc<Origin>,
    /// Where clients find this server.
    pub base_url: Url,
    /// Among whom computing time is shared.
    pub keys: OriginClientKeys,
    /// How fresh answers were.
    pub freshness: Arc<OriginFreshnessCounters>,
}

impl OriginGit {
    async fn open(
        &self,
        client: &GitClient<Credentials>,
        path: &RepositoryPath,
    ) -> Result<OpenedRepository, Refusal> {
        // Until the origin has shown something, the credentials may be anything.
        let key = key_of_address(client.address);
        let opened = self.origin.open_repository(path, &client.identity, client.visit, key).await;
        opened.map_err(|error| not_opened(error, &self.origin.url_of(path), &client.identity))
    }

    fn note(&self, path: &RepositoryPath, freshness: &Freshness) {
        self.freshness.count(freshness);
        tracing::debug!(
            repository.path = %path,
            freshness = FreshnessState::of_origin(freshness).as_str(),
            asked_at = freshness.asked_at,
            outage = freshness.outage.as_deref(),
            "opened a repository for a Git reader"
        );
    }

    /// What Git shows its users beside an answer.
    fn messages(&self, path: &RepositoryPath, opened: &OpenedRepository) -> Vec<RemoteMessage> {
        let outage = words_beside_outage(&opened.freshness, self.origin.options().clock.now_ms());
        let moved = opened
            .moved_to
            .as_ref()
            .map(|to| format!("The origin has {path} at {} now.", self.origin.url_of(to)));
        outage.iter().chain(&moved).map(|words| RemoteMessage::line(words)).collect()
    }
}

impl GitAccess for OriginGit {
    /// As they came: only the origin knows what they are worth.
    type Identity = Credentials;
    type Path = RepositoryPath;

    fn path_of(&self, address: &str) -> Option<RepositoryPath> {
        RepositoryPath::parse(address).ok()
    }

    async fn readable(
        &self,
        client: &GitClient<Credentials>,
        path: &RepositoryPath,
    ) -> Result<Readable, Refusal> {
        let opened = self.open(client, path).await?;
        self.note(path, &opened.freshness);
        let key: ClientKey = self.keys.of_reader(&client.identity, client.address);
        let reader = opened.reader(key, self.messages(path, &opened));
        Ok(Readable {
            caller: Some(FoundCaller::AsShown),
            repository: Ok(opened.repository),
            reader,
            freshness: Some(ReadFreshness::OfOrigin(opened.freshness)),
            through: None,
        })
    }

    async fn pushable(
        &self,
        client: &GitClient<Credentials>,
        path: &RepositoryPath,
    ) -> Result<Pushable, Refusal> {
        // A client that may not read learns nothing, not even where to push.
        self.open(client, path).await?;
        let refusal = pushes_go_to_the_origin(self.origin.url_of(path).as_str());
        Ok(Pushable { caller: Some(FoundCaller::AsShown), repository: Err(refusal) })
    }

    fn url_of(&self, path: &RepositoryPath) -> String {
        path.below(&self.base_url).into()
    }

    fn unreadable(&self, path: &RepositoryPath) -> Refusal {
        Refusal::unavailable(format!(
            "This mirror cannot read its copy of the repository. Until it can, the repository is at {}.",
            self.origin.url_of(path)
        ))
    }

    async fn take_push(
        &self,
        client: &GitClient<Credentials>,
        path: &RepositoryPath,
        _pack: ByteStream,
        _protocol: GitProtocol,
    ) -> Result<Bytes, Refusal> {
        self.pushable(client, path).await?.repository?;
        Err(Refusal::forbidden("This is a mirror: push to its origin."))
    }
}

fn pushes_go_to_the_origin(url: &str) -> Refusal {
    Refusal::forbidden(format!(
        "This is a mirror: push to its origin with `git remote set-url --push origin {url}`, or let `heliostat git-setup` do \
         so for all its repositories."
    ))
}
