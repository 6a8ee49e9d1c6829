//! What users hold: grants as they are stored, and what follows from them for a caller.

use std::str::FromStr;

use heliostat_auth::{
    Audience, Caller, GlobalPermission, Grants, ProjectPermission, RepositoryPermission, effective_project,
    effective_repository,
};
use heliostat_refusal::Refusal;
use heliostat_storage::{
    PermissionsOfUser, Project, ProjectId, Repository, RepositoryId, RepositoryState, UserId,
};

use super::part::Accounts;
use crate::permit::{self, Named};

/// An id that no project has: the store counts from 1.
const NO_PROJECT: ProjectId = ProjectId(0);
/// An id that no repository has.
pub(super) const NO_REPOSITORY: RepositoryId = RepositoryId(0);

impl Accounts {
    /// What a caller has named, with what they hold on it. The store is asked the same whether or not there is anything of
    /// that name, so that the time of the answer does not tell.
    pub(crate) async fn named_repository(
        &self,
        caller: &Caller,
        name: String,
        found: Option<Repository>,
    ) -> Result<Named<Repository, RepositoryPermission>, Refusal> {
        let held = match &found {
            Some(repository) => self.repository_permission(caller, repository).await?,
            None => {
                self.grants(caller, Some(NO_PROJECT), Some(NO_REPOSITORY)).await?;
                None
            }
        };
        Ok(Named { name, found: found.zip(held) })
    }

    /// The same of a project. A caller who may read a repository sees the project that it is in.
    pub(crate) async fn named_project(
        &self,
        caller: &Caller,
        name: String,
        found: Option<Project>,
    ) -> Result<Named<Project, ProjectPermission>, Refusal> {
        let mut held = match &found {
            Some(project) => self.project_permission(caller, project).await?,
            None => {
                self.grants(caller, Some(NO_PROJECT), None).await?;
                None
            }
        };
        if held.is_none() {
            let id = found.as_ref().map_or(NO_PROJECT, |project| project.id);
            let sees_it = self.repositories.is_project_visible(id, permit::visibility(caller)).await?;
            held = sees_it.then_some(ProjectPermission::Read);
        }
        Ok(Named { name, found: found.zip(held) })
    }

    /// The highest permission that the caller holds on a repository. Mirrors read everything that was announced.
    async fn repository_permission(
        &self,
        caller: &Caller,
        repository: &Repository,
    ) -> Result<Option<RepositoryPermission>, Refusal> {
        let audience = audience(repository.public || repository.project.public);
        if caller.mirror_id().is_some() {
            let is_announced = repository.state != RepositoryState::Initialising;
            return Ok(is_announced.then_some(RepositoryPermission::Read));
        }
        let grants = self.grants(caller, Some(repository.project.id), Some(repository.id)).await?;
        let held = effective_repository(audience, &grants);
        Ok(match caller.token_scope() {
            // What is public needs no permission, so a token's bound does not take it away.
            Some(scope) => held.min(scope.repository.max(effective_repository(audience, &Grants::default()))),
            None => held,
        })
    }

    /// The highest permission that the caller holds on a project. Mirrors read everything.
    async fn project_permission(
        &self,
        caller: &Caller,
        project: &Project,
    ) -> Result<Option<ProjectPermission>, Refusal> {
        let audience = audience(project.public);
        if caller.mirror_id().is_some() {
            return Ok(Some(ProjectPermission::Read));
        }
        let grants = self.grants(caller, Some(project.id), None).await?;
        let held = effective_project(audience, &grants);
        Ok(match caller.token_scope() {
            Some(scope) => held.min(scope.project.max(effective_project(audience, &Grants::default()))),
            None => held,
        })
    }

    /// A user's permission for the whole server.
    pub(super) async fn global_permission(&self, id: UserId) -> Result<Option<GlobalPermission>, Refusal> {
        Ok(self.grants_of(id, None, None).await?.global)
    }

    async fn grants(
        &self,
        caller: &Caller,
        project: Option<ProjectId>,
        repository: Option<RepositoryId>,
    ) -> Result<Grants, Refusal> {
        match caller.user() {
            Some(user) => self.grants_of(UserId(user.id), project, repository).await,
            None => Ok(Grants::default()),
        }
    }

    pub(super) async fn grants_of(
        &self,
        user: UserId,
        project: Option<ProjectId>,
        repository: Option<RepositoryId>,
    ) -> Result<Grants, Refusal> {
        let stored = self.store.permissions_of(user, project, repository).await?;
        let PermissionsOfUser { global, project, repository } = stored;
        Ok(Grants { global: parsed(global)?, project: parsed(project)?, repository: parsed(repository)? })
    }
}

fn audience(public: bool) -> Audience {
    if public { Audience::Public } else { Audience::Granted }
}

fn parsed<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    name: Option<String>,
) -> Result<Option<T>, Refusal> {
    name.map(|name| name.parse()).transpose().map_err(Refusal::internal)
}
