//! Repositories on disk as records name them.

use heliostat_git as git;
use heliostat_refusal::Refusal;
use heliostat_storage::{Repository, RepositoryId};

use super::announce_change::Changes;

impl Changes {
    /// The repository on disk.
    pub(crate) async fn open_git(&self, id: RepositoryId) -> Result<git::Repository, Refusal> {
        let opened = self.disk.open(disk_id(id)).await;
        self.known_to_exist(id, opened).await
    }

    /// That a repository is recorded but not there is a fault of this server.
    pub(crate) async fn known_to_exist<T>(
        &self,
        id: RepositoryId,
        opened: Result<T, git::OpenError>,
    ) -> Result<T, Refusal> {
        match opened {
            Ok(repository) => Ok(repository),
            Err(error) => {
                // Unless it has just been deleted.
                self.repository_record(id).await?;
                Err(Refusal::internal(error))
            }
        }
    }

    /// Removes what is left of a repository that was never announced.
    pub(crate) async fn discard(&self, id: RepositoryId) {
        let moved = self.disk.trash(disk_id(id), git::TrashReason::Unfinished, git::Origin::default()).await;
        if let Err(error) = moved {
            tracing::error!(repository.id = %id, error = %error, "cannot remove an unfinished repository from disk");
        }
        if let Err(error) = self.store.delete_repository(id, Vec::new()).await {
            tracing::error!(repository.id = %id, error = %error, "cannot remove an unfinished repository");
        }
    }

    /// The record of a repository of which only the id is known.
    pub(crate) async fn repository_record(&self, id: RepositoryId) -> Result<Repository, Refusal> {
        let found = self.store.find_repository(id).await?;
        found.ok_or_else(|| Refusal::not_found("repository", format!("The repository {id} does not exist.")))
    }
}

/// The number of a repository on disk.
pub(crate) fn disk_id(id: RepositoryId) -> u64 {
    u64::try_from(id.0).expect("the database counts ids up from one")
}
