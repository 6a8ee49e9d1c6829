//! Repositories on disk that no record knows are listed, and taken over by an administrator.
//!
//! They come about when the database is older than the repositories, after a backup of it was put back. Nothing deletes
//! them, and their numbers are not given to others.

use std::sync::Arc;
use std::time::Duration;

use heliostat_api::AddonEventKey;
use heliostat_auth::Caller;
use heliostat_downstream::metadata_hash;
use heliostat_git as git;
use heliostat_refusal::Refusal;
use heliostat_storage::{
    Generation, NewRepository, Repository, RepositoryFormat, RepositoryId, RepositoryIdentity,
    RepositoryState, StoreError,
};

use super::create_repository::{DEFAULT_BRANCH, hierarchy_id, new_identity};
use super::records::Repositories;
use crate::changes::{RepositoryFault, disk_id, note_recorded, recorded_format};
use crate::names;
use crate::permit::{Administrator, ProjectAdministrator};

/// How many repositories of each kind are described at once.
const MAX_DESCRIBED: usize = 1_000;

/// How long an administrator waits until all repositories were looked at since the start.
const ALL_LOOKS_PATIENCE: Duration = Duration::from_secs(5);

/// A repository on disk that no record knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnrecordedRepository {
    /// Its number on disk.
    pub number: u64,
    /// What it says that it is.
    pub identity: Option<String>,
    /// Full name of the branch that its `HEAD` names, if that can be read.
    pub default_branch: Option<String>,
    /// How many references it has, if they can be read.
    pub references: Option<usize>,
}

/// Where records and disk do not agree; lists are cut, counts are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFaults {
    /// Recorded repositories that are not served, and why.
    pub unserved: Vec<(Repository, RepositoryFault)>,
    /// How many there are.
    pub unserved_count: usize,
    /// Repositories without a record.
    pub unrecorded: Vec<UnrecordedRepository>,
    /// How many there are.
    pub unrecorded_count: usize,
    /// Whether all repositories were looked at since the start. Until then more may be found.
    pub complete: bool,
}

/// A repository to take over.
#[derive(Debug, Clone)]
pub struct RepositoryAdoption {
    /// Its number on disk.
    pub number: RepositoryId,
    /// The name to show; the slug is made from it.
    pub name: String,
}

impl Repositories {
    /// Where records and disk do not agree, as of now.
    pub async fn faults(&self, _: Administrator<'_>) -> Result<RepositoryFaults, Refusal> {
        let complete = self.changes.until_all_looked_at(ALL_LOOKS_PATIENCE).await;
        let numbers = self.changes.look_for_unrecorded().await?;
        let mut unrecorded = Vec::new();
        for number in numbers.iter().take(MAX_DESCRIBED) {
            unrecorded.push(self.describe(*number).await);
        }
        let noted = self.changes.faults.agreement().unserved;
        let (unserved_count, mut unserved) = (noted.len(), Vec::new());
        for (id, fault) in noted.into_iter().take(MAX_DESCRIBED) {
            if let Some(repository) = self.records.find_repository(id).await? {
                unserved.push((repository, fault));
            }
        }
        let unrecorded_count = numbers.len();
        Ok(RepositoryFaults { unserved, unserved_count, unrecorded, unrecorded_count, complete })
    }

    async fn describe(&self, number: u64) -> UnrecordedRepository {
        let on_disk = self.served.store().repository(number);
        let head = on_disk.head().await.ok().flatten();
        UnrecordedRepository {
            number,
            identity: on_disk.notes().identity().await.ok().flatten(),
            default_branch: head.map(|branch| branch.as_str().to_owned()),
            references: on_disk.refs().await.ok().map(|refs| refs.len()),
        }
    }

    /// Records a repository that no record knows.
    pub async fn adopt_repository(
        self: &Arc<Self>,
        administrator: Administrator<'_>,
        project: &ProjectAdministrator<'_>,
        adoption: RepositoryAdoption,
    ) -> Result<Repository, Refusal> {
        let (name, slug) = names::repository_name(&adoption.name)?;
        let id = adoption.number;
        let new_repository = NewRepository {
            project_id: project.project().id,
            slug,
            name,
            description: None,
            hierarchy_id: hierarchy_id(),
            identity: new_identity(),
            public: false,
            forkable: true,
            state: RepositoryState::Available,
            default_branch: DEFAULT_BRANCH.to_owned(),
            object_format: RepositoryFormat::Sha1,
            content_hash: String::new(),
            created_at: self.announcer.now_ms(),
        };
        let (repositories, caller) = (Arc::clone(self), administrator.caller().clone());
        let work = async move { repositories.adopt_to_the_end(&caller, id, new_repository).await };
        self.tasks.to_the_end(work).await
    }

    async fn adopt_to_the_end(
        &self,
        caller: &Caller,
        id: RepositoryId,
        mut new_repository: NewRepository,
    ) -> Result<Repository, Refusal> {
        let _lock = self.changes.lock(id).await;
        if let Some(recorded) = self.records.find_repository(id).await? {
            return Err(has_a_record(&recorded));
        }
        let on_disk = match self.served.store().open(disk_id(id)).await {
            Ok(on_disk) => on_disk,
            Err(git::OpenError::Missing(_)) => {
                let message = format!("There is no repository with the number {id} on the disk.");
                return Err(Refusal::not_found("repository", message));
            }
            Err(error) => return Err(damaged(id, &error)),
        };
        on_disk.check_connectivity().await.map_err(|error| damaged(id, &error))?;
        let refs = on_disk.refs().await.map_err(|error| damaged(id, &error))?;
        new_repository.content_hash = refs.content_hash().as_str().to_owned();
        if let Some(branch) = on_disk.head().await.map_err(|error| damaged(id, &error))? {
            new_repository.default_branch = branch.as_str().to_owned();
        }
        let format = on_disk.object_format().await.map_err(|error| damaged(id, &error))?;
        new_repository.object_format = recorded_format(format);
        match on_disk.notes().identity().await.map_err(Refusal::internal)? {
            Some(identity) => new_repository.identity = RepositoryIdentity::from(identity),
            None => {
                let identity = new_repository.identity.as_str();
                on_disk.notes().set_identity(identity).await.map_err(Refusal::internal)?;
            }
        }
        // Higher than it had, as far as that was noted: mirrors that have it go on with it.
        let noted = on_disk.notes().recorded_state().await.map_err(Refusal::internal)?;
        let generation = noted.map_or(1, |noted| noted.generation.saturating_add(1));
        let adopted = self.record_adopted(caller, (id, Generation(generation)), new_repository).await?;
        note_recorded(&on_disk, &adopted).await;
        Ok(adopted)
    }

    async fn record_adopted(
        &self,
        caller: &Caller,
        (id, generation): (RepositoryId, Generation),
        new_repository: NewRepository,
    ) -> Result<Repository, Refusal> {
        let context = self.announcer.context(caller);
        let make_events =
            |repository: &Repository| vec![context.repository(AddonEventKey::RepoCreated, repository)];
        let place = (id, generation);
        let adopted = self.records.adopt_repository(place, new_repository, metadata_hash, make_events).await;
        let repository = match adopted {
            Ok(repository) => repository,
            Err(StoreError::Conflict { what: "repository identity", value }) => {
                return Err(Refusal::conflict(format!(
                    "The repository {id} on the disk is a copy of one that is recorded: both have the identity {value}."
                )));
            }
            Err(error) => return Err(error.into()),
        };
        self.announcer.announced();
        self.changes.faults.recorded(disk_id(id));
        tracing::info!(repository.id = id.0, repository.slug = repository.slug, "adopted a repository");
        Ok(repository)
    }
}

fn has_a_record(recorded: &Repository) -> Refusal {
    let (id, key, slug) = (recorded.id, &recorded.project.key, &recorded.slug);
    Refusal::conflict_in("number", format!("The repository {id} has a record: it is {key}/{slug}."))
}

/// What is not whole is not taken over.
fn damaged(id: RepositoryId, error: &(dyn std::error::Error + 'static)) -> Refusal {
    tracing::warn!(repository.id = id.0, error = %error, "a repository cannot be adopted");
    Refusal::conflict_in(
        "number",
        format!(
            "The repository {id} on the disk is damaged or cannot be read; the server's log says what was found."
        ),
    )
}
