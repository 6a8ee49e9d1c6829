//! Git at the upstream: permissions are its own, and a push is announced before it is answered.

use bytes::Bytes;
use heliostat_auth::Caller;
use heliostat_git::{ByteStream, FairQueue, GitProtocol, Shares};
use heliostat_git_serve::ClientKey;
use heliostat_refusal::Refusal;
use heliostat_upstream::Upstream;
use heliostat_upstream::permit::{Reader, Writer};

use super::access::{GitAccess, GitClient, Pushable, Readable};
use super::project_path::ProjectPath;
use crate::client_keys::key_of_caller;

/// Looking up is shared among clients only.
const ANY_REPOSITORY: u64 = 0;

/// The upstream as git clients see it.
pub struct UpstreamGit {
    /// The primary.
    pub upstream: Upstream,
    /// As many at once as the database has connections. What waits for a connection waits in one line, so clients that ask much
    /// are held back before it.
    look_ups: FairQueue,
}

impl UpstreamGit {
    /// The primary, whose database has so many connections.
    pub fn new(upstream: Upstream, database_connections: usize) -> Self {
        Self { upstream, look_ups: FairQueue::new(Shares::of_requests(database_connections)) }
    }

    async fn reader<'a>(
        &self,
        client: &'a GitClient<Caller>,
        path: &ProjectPath,
    ) -> Result<Reader<'a>, Refusal> {
        let _place = self.look_ups.permit(ANY_REPOSITORY, key_of(client)).await;
        let slug = without_suffix(&path.slug);
        self.upstream.repositories().reader(&client.identity, &path.project_key, slug).await
    }

    async fn writer<'a>(
        &self,
        client: &'a GitClient<Caller>,
        path: &ProjectPath,
    ) -> Result<Writer<'a>, Refusal> {
        let _place = self.look_ups.permit(ANY_REPOSITORY, key_of(client)).await;
        let slug = without_suffix(&path.slug);
        self.upstream.repositories().writer(&client.identity, &path.project_key, slug).await
    }
}

impl GitAccess for UpstreamGit {
    type Identity = Caller;
    type Path = ProjectPath;

    fn path_of(&self, address: &str) -> Option<ProjectPath> {
        ProjectPath::read(address)
    }

    async fn readable(&self, client: &GitClient<Caller>, path: &ProjectPath) -> Result<Readable, Refusal> {
        let reader = self.reader(client, path).await?;
        let repository = self.upstream.repositories().read_with_git(&reader).await?;
        Ok(Readable {
            caller: None,
            repository: Ok(repository),
            reader: key_of(client).into(),
            freshness: None,
            through: None,
        })
    }

    async fn pushable(&self, client: &GitClient<Caller>, path: &ProjectPath) -> Result<Pushable, Refusal> {
        let writer = self.writer(client, path).await?;
        let repositories = self.upstream.repositories();
        let access = repositories.push_with_git(&writer).await?;
        repositories.require_room().await?;
        Ok(Pushable { caller: None, repository: Ok(access.git().asked_by(key_of(client))) })
    }

    fn url_of(&self, path: &ProjectPath) -> String {
        path.below(self.upstream.base_url().as_str())
    }

    fn unreadable(&self, _path: &ProjectPath) -> Refusal {
        Refusal::unavailable(
            "The repository cannot be read on this server at the moment. Its administrators find the reason in the log.",
        )
    }

    async fn take_push(
        &self,
        client: &GitClient<Caller>,
        path: &ProjectPath,
        pack: ByteStream,
        protocol: GitProtocol,
    ) -> Result<Bytes, Refusal> {
        let (writer, repositories) = (self.writer(client, path).await?, self.upstream.repositories());
        let access = repositories.push_with_git(&writer).await?.asked_by(key_of(client));
        Ok(repositories.receive_pack(access, pack, protocol).await?.output)
    }
}

fn key_of(client: &GitClient<Caller>) -> ClientKey {
    key_of_caller(&client.identity, client.address)
}

/// The slug of a repository: clients append `.git` or not.
fn without_suffix(slug: &str) -> &str {
    slug.strip_suffix(".git").unwrap_or(slug)
}
