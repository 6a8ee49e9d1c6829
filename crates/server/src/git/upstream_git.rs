//! Git at the upstream: permissions are its own, and a push is announced before it is answered.

use bytes::Bytes;
use heliostat_auth::Caller;
use heliostat_git::{ByteStream, GitProtocol};
use heliostat_git_serve::ServedRepository;
use heliostat_refusal::Refusal;
use heliostat_upstream::Upstream;

use super::access::{GitAccess, GitClient, Readable, RepositoryPath};
use crate::client_keys::key_of_caller;

/// The upstream as git clients see it.
pub struct UpstreamGit {
    /// The primary.
    pub upstream: Upstream,
}

impl GitAccess for UpstreamGit {
    type Identity = Caller;

    async fn readable(
        &self,
        client: &GitClient<Caller>,
        path: RepositoryPath<'_>,
    ) -> Result<Readable, Refusal> {
        let repositories = self.upstream.repositories();
        let reader =
            repositories.reader(&client.identity, path.project_key, without_suffix(path.slug)).await?;
        let repository = repositories.read_with_git(&reader).await?;
        Ok(Readable {
            repository,
            reader: key_of_caller(&client.identity, client.address).into(),
            freshness: None,
        })
    }

    async fn pushable(
        &self,
        client: &GitClient<Caller>,
        path: RepositoryPath<'_>,
    ) -> Result<ServedRepository, Refusal> {
        let repositories = self.upstream.repositories();
        let writer =
            repositories.writer(&client.identity, path.project_key, without_suffix(path.slug)).await?;
        Ok(repositories
            .push_with_git(&writer)
            .await?
            .git()
            .asked_by(key_of_caller(&client.identity, client.address)))
    }

    fn base_url(&self) -> &str {
        self.upstream.base_url().as_str()
    }

    fn unreadable(&self, _path: RepositoryPath<'_>) -> Refusal {
        Refusal::unavailable(
            "The repository cannot be read on this server at the moment. Its administrators find the reason in the log.",
        )
    }

    async fn take_push(
        &self,
        client: &GitClient<Caller>,
        path: RepositoryPath<'_>,
        pack: ByteStream,
        protocol: GitProtocol,
    ) -> Result<Bytes, Refusal> {
        let repositories = self.upstream.repositories();
        let writer =
            repositories.writer(&client.identity, path.project_key, without_suffix(path.slug)).await?;
        let access = repositories
            .push_with_git(&writer)
            .await?
            .asked_by(key_of_caller(&client.identity, client.address));
        Ok(repositories.receive_pack(access, pack, protocol).await?.output)
    }
}

/// The slug of a repository: clients append `.git` or not.
fn without_suffix(slug: &str) -> &str {
    slug.strip_suffix(".git").unwrap_or(slug)
}
