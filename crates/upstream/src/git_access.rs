//! Git on the upstream: who may read or push, and what follows a push.

use heliostat_auth::{Caller, RepositoryPermission};
use heliostat_git as git;
use heliostat_refusal::Refusal;
use heliostat_storage::{Repository, RepositoryId, RepositoryState};

use crate::upstream::Upstream;

/// A repository that the caller may use with git.
#[derive(Debug, Clone)]
pub struct GitAccess {
    /// What is recorded about it.
    pub repository: Repository,
    /// The repository on disk.
    pub git: git::Repository,
}

impl Upstream {
    /// Opens a repository for reading. `slug` may end with `.git`.
    pub async fn read_with_git(
        &self,
        caller: &Caller,
        project_key: &str,
        slug: &str,
    ) -> Result<GitAccess, Refusal> {
        let repository =
            self.usable_repository(caller, project_key, slug, RepositoryPermission::Read).await?;
        let opened = self.0.repositories.open_for_serving(disk_id(repository.id)).await;
        let git = self.known_to_exist(repository.id, opened).await?;
        Ok(GitAccess { repository, git })
    }

    /// Opens a repository for pushing. `slug` may end with `.git`.
    pub async fn push_with_git(
        &self,
        caller: &Caller,
        project_key: &str,
        slug: &str,
    ) -> Result<GitAccess, Refusal> {
        let repository =
            self.usable_repository(caller, project_key, slug, RepositoryPermission::Write).await?;
        if repository.archived {
            return Err(Refusal::forbidden("The repository is archived and cannot be pushed to."));
        }
        let git = self.open_git(repository.id).await?;
        Ok(GitAccess { repository, git })
    }

    /// Runs a push to its end and announces what it changed before the client learns that it worked.
    ///
    /// If the client goes away, the push still either ends or fails, and what it changed is still announced.
    pub async fn receive_pack(
        &self,
        caller: &Caller,
        access: GitAccess,
        request: git::ByteStream,
        protocol: git::GitProtocol,
    ) -> Result<git::ReceivedPack, Refusal> {
        let (upstream, caller) = (self.clone(), caller.clone());
        self.to_the_end(async move {
            let id = access.repository.id;
            // The refs before the push are what the change is told apart from.
            upstream.refs(id).await?;
            let received = access.git.receive_pack(request, &protocol).await;
            // Also after a failure: it may have come after the refs had changed.
            upstream.announce_change(&caller, id).await?;
            received.map_err(Refusal::internal)
        })
        .await
    }

    async fn usable_repository(
        &self,
        caller: &Caller,
        project_key: &str,
        slug: &str,
        needed: RepositoryPermission,
    ) -> Result<Repository, Refusal> {
        let slug = slug.strip_suffix(".git").unwrap_or(slug);
        let repository = self.permitted_repository(caller, project_key, slug, needed).await?;
        if repository.state != RepositoryState::Available {
            return Err(Refusal::unavailable("The repository is not available at the moment."));
        }
        Ok(repository)
    }

    /// The repository on disk.
    pub(crate) async fn open_git(&self, id: RepositoryId) -> Result<git::Repository, Refusal> {
        let opened = self.0.repositories.open(disk_id(id)).await;
        self.known_to_exist(id, opened).await
    }

    /// That a repository is recorded but not there is a fault of this server.
    async fn known_to_exist(
        &self,
        id: RepositoryId,
        opened: Result<git::Repository, git::OpenError>,
    ) -> Result<git::Repository, Refusal> {
        match opened {
            Ok(repository) => Ok(repository),
            Err(error) => {
                // Unless it has just been deleted.
                self.repository_record(id).await?;
                Err(Refusal::internal(error))
            }
        }
    }
}

/// The number of a repository on disk.
pub(crate) fn disk_id(id: RepositoryId) -> u64 {
    u64::try_from(id.0).expect("the database counts ids up from one")
}
