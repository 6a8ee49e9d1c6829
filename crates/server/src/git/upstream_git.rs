//! Git at the upstream: permissions are its own, and a push is announced before it is answered.

use bytes::Bytes;
use heliostat_auth::Caller;
use heliostat_git::{ByteStream, GitProtocol};
use heliostat_git_serve::{ClientKey, ServedRepository};
use heliostat_refusal::Refusal;
use heliostat_upstream::Upstream;

use super::access::{GitAccess, GitClient, Readable, RepositoryPath, key_of_account, key_of_address};

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
        Ok(Readable { repository, reader: key_of(client).into(), freshness: None })
    }

    async fn pushable(
        &self,
        client: &GitClient<Caller>,
        path: RepositoryPath<'_>,
    ) -> Result<ServedRepository, Refusal> {
        let repositories = self.upstream.repositories();
        let writer =
            repositories.writer(&client.identity, path.project_key, without_suffix(path.slug)).await?;
        Ok(repositories.push_with_git(&writer).await?.git().clone())
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
        let access = repositories.push_with_git(&writer).await?;
        Ok(repositories.receive_pack(access, pack, protocol).await?.output)
    }
}

/// The slug of a repository: clients append `.git` or not.
fn without_suffix(slug: &str) -> &str {
    slug.strip_suffix(".git").unwrap_or(slug)
}

/// A user has one key, whichever token and address they use.
fn key_of(client: &GitClient<Caller>) -> ClientKey {
    match &client.identity {
        Caller::Anonymous => key_of_address(client.address),
        Caller::User(user) | Caller::LimitedUser { user, .. } => key_of_account("user", user.id),
        Caller::Mirror { id } => key_of_account("mirror", id),
        Caller::Upstream { id } => key_of_account("upstream", id),
    }
}

#[cfg(test)]
mod tests {
    use heliostat_auth::UserIdentity;

    use super::*;

    fn key(identity: Caller, address: &str) -> ClientKey {
        key_of(&GitClient { identity, address: Some(address.parse().expect("an address")) })
    }

    #[test]
    fn users_are_told_apart_by_account_and_others_by_address() {
        let user = |id| {
            let text = || "ada".to_owned();
            Caller::User(UserIdentity { id, name: text(), slug: text(), display_name: text(), global: None })
        };
        assert_eq!(key(user(7), "192.0.2.1"), key(user(7), "192.0.2.2"));
        assert_ne!(key(user(7), "192.0.2.1"), key(user(8), "192.0.2.1"));
        let mirror = Caller::Mirror { id: "7".to_owned() };
        assert_ne!(key(user(7), "192.0.2.1"), key(mirror, "192.0.2.1"));
        assert_ne!(key(Caller::Anonymous, "192.0.2.1"), key(Caller::Anonymous, "192.0.2.2"));
    }
}
