//! Permissions: what somebody holds, and giving and taking it.

use std::str::FromStr;

use heliostat_auth::{
    Audience, Caller, GlobalPermission, Grants, ProjectPermission, RepositoryPermission, effective_project,
    effective_repository,
};
use heliostat_refusal::Refusal;
use heliostat_storage::{
    Page, PageRequest, PermissionLevel, PermissionsOfUser, Project, ProjectId, Repository, RepositoryId,
    UserId, UserPermission,
};

use crate::permit;
use crate::upstream::Upstream;

/// How many holders of global permissions are read at once.
const HOLDERS_PAGE: u64 = 500;

impl Upstream {
    /// Users with a permission for the whole server.
    pub async fn global_permissions(
        &self,
        caller: &Caller,
        filter: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<UserPermission>, Refusal> {
        permit::admin(caller)?;
        Ok(self.store().list_permissions(PermissionLevel::Global, filter, page).await?)
    }

    /// Gives a user a permission for the whole server, in place of the one he has.
    pub async fn set_global_permission(
        &self,
        caller: &Caller,
        user_name: &str,
        permission: GlobalPermission,
    ) -> Result<(), Refusal> {
        permit::grant_global(caller, permission)?;
        let user = self.user_by_name(user_name).await?;
        if permission < GlobalPermission::SysAdmin {
            self.permit_lowering(caller, user.id).await?;
        }
        let events = vec![self.occasion(caller).permissions_changed(Some(&user.name))];
        let stored =
            self.store().set_permission(PermissionLevel::Global, user.id, permission.as_str(), events).await;
        stored?;
        self.announced();
        Ok(())
    }

    /// Takes a user's permission for the whole server away.
    pub async fn revoke_global_permission(&self, caller: &Caller, user_name: &str) -> Result<(), Refusal> {
        permit::admin(caller)?;
        let user = self.user_by_name(user_name).await?;
        self.permit_lowering(caller, user.id).await?;
        let events = vec![self.occasion(caller).permissions_changed(Some(&user.name))];
        self.store().revoke_permission(PermissionLevel::Global, user.id, events).await?;
        self.announced();
        Ok(())
    }

    /// Users with a permission on a project.
    pub async fn project_permissions(
        &self,
        caller: &Caller,
        key: &str,
        filter: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<UserPermission>, Refusal> {
        let project = self.permitted_project(caller, key, ProjectPermission::Admin).await?;
        Ok(self.store().list_permissions(PermissionLevel::Project(project.id), filter, page).await?)
    }

    /// Gives a user a permission on a project, in place of the one he has.
    pub async fn set_project_permission(
        &self,
        caller: &Caller,
        key: &str,
        user_name: &str,
        permission: ProjectPermission,
    ) -> Result<(), Refusal> {
        let project = self.permitted_project(caller, key, ProjectPermission::Admin).await?;
        let user = self.user_by_name(user_name).await?;
        let events = vec![self.occasion(caller).permissions_changed(Some(&user.name))];
        let stored = self
            .store()
            .set_permission(PermissionLevel::Project(project.id), user.id, permission.as_str(), events)
            .await;
        stored?;
        self.announced();
        Ok(())
    }

    /// Takes a user's permission on a project away.
    pub async fn revoke_project_permission(
        &self,
        caller: &Caller,
        key: &str,
        user_name: &str,
    ) -> Result<(), Refusal> {
        let project = self.permitted_project(caller, key, ProjectPermission::Admin).await?;
        let user = self.user_by_name(user_name).await?;
        let held = self.grants_of(user.id, Some(project.id), None).await?;
        let without = Grants { project: None, ..held };
        if is_self(caller, user.id)
            && effective_project(Audience::Granted, &without) < Some(ProjectPermission::Admin)
        {
            return Err(loses_control("project"));
        }
        let events = vec![self.occasion(caller).permissions_changed(Some(&user.name))];
        self.store().revoke_permission(PermissionLevel::Project(project.id), user.id, events).await?;
        self.announced();
        Ok(())
    }

    /// Users with a permission on a repository itself.
    pub async fn repository_permissions(
        &self,
        caller: &Caller,
        key: &str,
        slug: &str,
        filter: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<UserPermission>, Refusal> {
        let repository = self.permitted_repository(caller, key, slug, RepositoryPermission::Admin).await?;
        Ok(self.store().list_permissions(PermissionLevel::Repository(repository.id), filter, page).await?)
    }

    /// Gives a user a permission on a repository, in place of the one he has.
    pub async fn set_repository_permission(
        &self,
        caller: &Caller,
        key: &str,
        slug: &str,
        user_name: &str,
        permission: RepositoryPermission,
    ) -> Result<(), Refusal> {
        let repository = self.permitted_repository(caller, key, slug, RepositoryPermission::Admin).await?;
        let user = self.user_by_name(user_name).await?;
        let events = vec![self.occasion(caller).permissions_changed(Some(&user.name))];
        let granted = permission.as_str();
        let stored = self
            .store()
            .set_permission(PermissionLevel::Repository(repository.id), user.id, granted, events)
            .await;
        stored?;
        self.announced();
        Ok(())
    }

    /// Takes a user's permission on a repository away.
    pub async fn revoke_repository_permission(
        &self,
        caller: &Caller,
        key: &str,
        slug: &str,
        user_name: &str,
    ) -> Result<(), Refusal> {
        let repository = self.permitted_repository(caller, key, slug, RepositoryPermission::Admin).await?;
        let user = self.user_by_name(user_name).await?;
        let held = self.grants_of(user.id, Some(repository.project.id), Some(repository.id)).await?;
        let without = Grants { repository: None, ..held };
        if is_self(caller, user.id)
            && effective_repository(Audience::Granted, &without) < Some(RepositoryPermission::Admin)
        {
            return Err(loses_control("repository"));
        }
        let events = vec![self.occasion(caller).permissions_changed(Some(&user.name))];
        self.store().revoke_permission(PermissionLevel::Repository(repository.id), user.id, events).await?;
        self.announced();
        Ok(())
    }

    /// The highest permission that the caller holds on a repository. Mirrors read everything.
    pub async fn repository_permission(
        &self,
        caller: &Caller,
        repository: &Repository,
    ) -> Result<Option<RepositoryPermission>, Refusal> {
        let audience = audience(repository.public || repository.project.public);
        if caller.mirror_id().is_some() {
            return Ok(Some(RepositoryPermission::Read));
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
    pub async fn project_permission(
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
    pub(crate) async fn global_permission(&self, id: UserId) -> Result<Option<GlobalPermission>, Refusal> {
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

    pub(crate) async fn grants_of(
        &self,
        user: UserId,
        project: Option<ProjectId>,
        repository: Option<RepositoryId>,
    ) -> Result<Grants, Refusal> {
        let stored = self.store().permissions_of(user, project, repository).await?;
        let PermissionsOfUser { global, project, repository } = stored;
        Ok(Grants { global: parsed(global)?, project: parsed(project)?, repository: parsed(repository)? })
    }

    /// Whoever lowers a permission must hold it himself, and one SYS_ADMIN must remain.
    async fn permit_lowering(&self, caller: &Caller, id: UserId) -> Result<(), Refusal> {
        let Some(held) = self.global_permission(id).await? else {
            return Ok(());
        };
        permit::grant_global(caller, held)?;
        if held == GlobalPermission::SysAdmin && !self.another_sys_admin(id).await? {
            return Err(Refusal::conflict_in(
                "name",
                "This is the last user with SYS_ADMIN; one must remain.",
            ));
        }
        Ok(())
    }

    async fn another_sys_admin(&self, id: UserId) -> Result<bool, Refusal> {
        let sys_admin = GlobalPermission::SysAdmin.as_str();
        let mut start = 0;
        loop {
            let request = PageRequest { start, limit: HOLDERS_PAGE };
            let page = self.store().list_permissions(PermissionLevel::Global, None, request).await?;
            let other = |held: &UserPermission| {
                held.permission == sys_admin && held.user.id != id && held.user.active
            };
            if page.values.iter().any(other) {
                return Ok(true);
            }
            match page.next_start {
                Some(next) => start = next,
                None => return Ok(false),
            }
        }
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

fn is_self(caller: &Caller, id: UserId) -> bool {
    caller.user().is_some_and(|user| user.id == id.0)
}

fn loses_control(what: &str) -> Refusal {
    Refusal::conflict_in(
        "name",
        format!("You would lose control of the {what}; let another administrator do it."),
    )
}
