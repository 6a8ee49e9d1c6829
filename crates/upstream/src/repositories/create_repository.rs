//! A new repository: its record, the bare repository on disk and the event, all or nothing.
//!
//! The database may be older than the repositories, after a backup of it was put back: then the numbers that it counts
//! up to are taken. They are skipped, and what lies there stays.

use std::sync::Arc;

use heliostat_api::AddonEventKey;
use heliostat_auth::Caller;
use heliostat_downstream::metadata_hash;
use heliostat_git::{ContentHash, CreateError, ObjectFormat, RefName};
use heliostat_refusal::Refusal;
use heliostat_storage::{
    NewRepository, Repository, RepositoryId, RepositoryIdentity, RepositoryState, RepositoryUpdate,
};
use uuid::Uuid;

use super::records::{Repositories, branch_name};
use crate::changes::{disk_id, recorded_format};
use crate::names;
use crate::permit::ProjectAdministrator;

/// Default branch of a repository for which none is chosen.
pub(super) const DEFAULT_BRANCH: &str = "refs/heads/main";
/// Bytes behind the hex digits of a hierarchy id.
const HIERARCHY_ID_BYTES: usize = 10;
/// How often a number is chosen anew that turns out to be taken on disk.
const MAX_NUMBERS_TRIED: u32 = 3;

/// A repository to create.
#[derive(Debug, Clone)]
pub struct RepositoryCreation {
    /// The name to show; the slug is made from it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether all callers may read it.
    pub public: bool,
    /// Whether forks are allowed.
    pub forkable: bool,
    /// Full or short name of the default branch.
    pub default_branch: Option<String>,
    /// The hash by which its objects are named.
    pub object_format: ObjectFormat,
}

impl Repositories {
    /// Creates an empty repository.
    pub async fn create_repository(
        self: &Arc<Self>,
        administrator: &ProjectAdministrator<'_>,
        creation: RepositoryCreation,
    ) -> Result<Repository, Refusal> {
        let (name, slug) = names::repository_name(&creation.name)?;
        let default_branch =
            branch_name("defaultBranch", creation.default_branch.as_deref().unwrap_or(DEFAULT_BRANCH))?;
        let new_repository = NewRepository {
            project_id: administrator.project().id,
            slug,
            name,
            description: names::new_description(creation.description.as_deref())?,
            hierarchy_id: hierarchy_id(),
            identity: new_identity(),
            public: creation.public,
            forkable: creation.forkable,
            state: RepositoryState::Initialising,
            default_branch: default_branch.as_str().to_owned(),
            object_format: recorded_format(creation.object_format),
            content_hash: ContentHash::of_nothing().as_str().to_owned(),
            created_at: self.announcer.now_ms(),
        };
        let (repositories, caller) = (Arc::clone(self), administrator.caller().clone());
        let format = creation.object_format;
        let work = async move {
            repositories.create_on_disk(&caller, new_repository, &default_branch, format).await
        };
        self.tasks.to_the_end(work).await
    }

    /// The record comes first, for the id, and is announced last; in between the repository cannot be used.
    async fn create_on_disk(
        &self,
        caller: &Caller,
        new_repository: NewRepository,
        default_branch: &RefName,
        format: ObjectFormat,
    ) -> Result<Repository, Refusal> {
        let disk = self.served.store();
        for _ in 0..MAX_NUMBERS_TRIED {
            let silent = |_: &Repository| Vec::new();
            let draft = self.records.create_repository(new_repository.clone(), metadata_hash, silent).await?;
            let identity = draft.identity.as_str();
            match disk.create_with_identity(disk_id(draft.id), default_branch, format, identity).await {
                Ok(_) => {
                    self.changes.made_here(draft.id);
                    let published = self.publish(caller, draft.id).await;
                    if published.is_err() {
                        self.changes.abandon(&draft).await;
                    }
                    return published;
                }
                Err(CreateError::Exists(number)) => {
                    self.changes.abandon(&draft).await;
                    self.skip_taken_numbers(number).await?;
                }
                Err(error) => {
                    self.changes.abandon(&draft).await;
                    return Err(Refusal::internal(error));
                }
            }
        }
        Err(Refusal::unavailable("The numbers of new repositories are taken on disk; try again."))
    }

    /// From now on, ids are given that no repository on disk has.
    async fn skip_taken_numbers(&self, taken: u64) -> Result<(), Refusal> {
        let on_disk = self.served.store().list().await.map_err(Refusal::internal)?;
        let highest = on_disk.into_iter().filter_map(|number| i32::try_from(number).ok()).max();
        let highest = highest.unwrap_or_default();
        tracing::warn!(
            taken,
            highest,
            "the database counts to numbers of repositories that are on disk: it is older than they are; \
             numbers up to the highest one are skipped"
        );
        Ok(self.records.skip_repository_ids(RepositoryId(highest)).await?)
    }

    async fn publish(&self, caller: &Caller, id: RepositoryId) -> Result<Repository, Refusal> {
        let context = self.announcer.context(caller);
        let available =
            RepositoryUpdate { state: Some(RepositoryState::Available), ..RepositoryUpdate::default() };
        let make_events =
            |repository: &Repository| vec![context.repository(AddonEventKey::RepoCreated, repository)];
        let stored =
            self.records.update_repository(id, available, context.now_ms, metadata_hash, make_events).await;
        let repository = stored?;
        self.announcer.announced();
        // An order that came before could not be carried out.
        if repository.purge.done < repository.purge.number {
            self.purge_ordered.notify_one();
        }
        Ok(repository)
    }
}

/// An identity that no other repository has.
pub(super) fn new_identity() -> RepositoryIdentity {
    RepositoryIdentity(Uuid::new_v4().to_string())
}

pub(super) fn hierarchy_id() -> String {
    hex::encode(rand::random::<[u8; HIERARCHY_ID_BYTES]>())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tests::test_upstream::TestUpstream;

    #[tokio::test]
    async fn a_purge_that_was_ordered_during_the_creation_is_carried_out_after_it() {
        let test = TestUpstream::new().await;
        test.project("APP").await;
        let created = test.repository("APP", "engine").await;
        let repositories = test.upstream.repositories();
        // As it is recorded while it is made on disk.
        let creating =
            RepositoryUpdate { state: Some(RepositoryState::Initialising), ..RepositoryUpdate::default() };
        let silent = |_: &Repository| Vec::new();
        repositories
            .records
            .update_repository(created.id, creating, created.created_at, metadata_hash, silent)
            .await
            .expect("recorded");
        let ordered = repositories.records.order_purge(created.id, created.created_at, silent).await;
        assert_eq!(ordered.expect("ordered").purge.number, 1);
        let is_told = async || {
            tokio::time::timeout(Duration::ZERO, repositories.purge_ordered.notified()).await.is_ok()
        };
        assert!(!is_told().await, "it cannot be carried out yet");
        repositories.publish(&test.admin().await, created.id).await.expect("published");
        assert!(is_told().await);
    }

    #[test]
    fn hierarchy_ids_have_twenty_digits() {
        assert_eq!(hierarchy_id().len(), 20);
    }
}
