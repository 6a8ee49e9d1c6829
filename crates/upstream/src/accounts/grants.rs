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

impl Accounts {
    /// The highest permission that the caller holds on a repository. Mirrors read everything that was announced.
    pub(crate) async fn repository_permission(
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
    pub(crate) async fn project_permission(
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
