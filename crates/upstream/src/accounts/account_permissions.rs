//! Giving and taking permissions, and listing who holds them.

use heliostat_auth::{
    Audience, Caller, GlobalPermission, Grants, ProjectPermission, RepositoryPermission, effective_project,
    effective_repository,
};
use heliostat_refusal::Refusal;
use heliostat_storage::{Page, PageRequest, PermissionLevel, StoreError, User, UserId, UserPermission};

use super::part::Accounts;
use crate::permit::{self, Administrator, GlobalGrant, ProjectAdministrator, RepositoryAdministrator};

impl Accounts {
    /// Users with a permission for the whole server.
    pub async fn global_permissions(
        &self,
        _: Administrator<'_>,
        filter: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<UserPermission>, Refusal> {
        Ok(self.store.list_permissions(PermissionLevel::Global, filter, page).await?)
    }

    /// Gives a user a permission for the whole server, in place of the one they have.
    pub async fn set_global_permission(
        &self,
        grant: GlobalGrant<'_>,
        user_name: &str,
    ) -> Result<(), Refusal> {
        let (caller, permission) = (grant.caller(), grant.permission());
        let user = self.user_by_name(user_name).await?;
        if permission < GlobalPermission::SysAdmin {
            self.permit_lowering(caller, user.id).await?;
        }
        self.grant(caller, PermissionLevel::Global, &user, permission.as_str()).await
    }

    /// Takes a user's permission for the whole server away.
    pub async fn revoke_global_permission(
        &self,
        administrator: Administrator<'_>,
        user_name: &str,
    ) -> Result<(), Refusal> {
        let caller = administrator.caller();
        let user = self.user_by_name(user_name).await?;
        self.permit_lowering(caller, user.id).await?;
        self.revoke(caller, PermissionLevel::Global, &user).await
    }

    /// Users with a permission on a project.
    pub async fn project_permissions(
        &self,
        administrator: &ProjectAdministrator<'_>,
        filter: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<UserPermission>, Refusal> {
        Ok(self
            .store
            .list_permissions(PermissionLevel::Project(administrator.project().id), filter, page)
            .await?)
    }

    /// Gives a user a permission on a project, in place of the one they have.
    pub async fn set_project_permission(
        &self,
        administrator: &ProjectAdministrator<'_>,
        user_name: &str,
        permission: ProjectPermission,
    ) -> Result<(), Refusal> {
        let (caller, project) = (administrator.caller(), administrator.project());
        let user = self.user_by_name(user_name).await?;
        self.grant(caller, PermissionLevel::Project(project.id), &user, permission.as_str()).await
    }

    /// Takes a user's permission on a project away.
    pub async fn revoke_project_permission(
        &self,
        administrator: &ProjectAdministrator<'_>,
        user_name: &str,
    ) -> Result<(), Refusal> {
        let (caller, project) = (administrator.caller(), administrator.project());
        let user = self.user_by_name(user_name).await?;
        let held = self.grants_of(user.id, Some(project.id), None).await?;
        let without = Grants { project: None, ..held };
        if is_self(caller, user.id)
            && effective_project(Audience::Granted, &without) < Some(ProjectPermission::Admin)
        {
            return Err(loses_control("project"));
        }
        self.revoke(caller, PermissionLevel::Project(project.id), &user).await
    }

    /// Users with a permission on a repository itself.
    pub async fn repository_permissions(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        filter: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<UserPermission>, Refusal> {
        let repository = administrator.repository();
        Ok(self.store.list_permissions(PermissionLevel::Repository(repository.id), filter, page).await?)
    }

    /// Gives a user a permission on a repository, in place of the one they have.
    pub async fn set_repository_permission(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        user_name: &str,
        permission: RepositoryPermission,
    ) -> Result<(), Refusal> {
        let (caller, repository) = (administrator.caller(), administrator.repository());
        let user = self.user_by_name(user_name).await?;
        self.grant(caller, PermissionLevel::Repository(repository.id), &user, permission.as_str()).await
    }

    /// Takes a user's permission on a repository away.
    pub async fn revoke_repository_permission(
        &self,
        administrator: &RepositoryAdministrator<'_>,
        user_name: &str,
    ) -> Result<(), Refusal> {
        let (caller, repository) = (administrator.caller(), administrator.repository());
        let user = self.user_by_name(user_name).await?;
        let held = self.grants_of(user.id, Some(repository.project.id), Some(repository.id)).await?;
        let without = Grants { repository: None, ..held };
        if is_self(caller, user.id)
            && effective_repository(Audience::Granted, &without) < Some(RepositoryPermission::Admin)
        {
            return Err(loses_control("repository"));
        }
        self.revoke(caller, PermissionLevel::Repository(repository.id), &user).await
    }

    /// Stores a permission together with the event that tells mirrors of it.
    async fn grant(
        &self,
        caller: &Caller,
        level: PermissionLevel,
        user: &User,
        permission: &str,
    ) -> Result<(), Refusal> {
        let events = vec![self.announcer.context(caller).permissions_changed(Some(&user.name))];
        self.store.set_permission(level, user.id, permission, events).await?;
        self.announcer.announced();
        Ok(())
    }

    /// Takes a permission away together with the event that tells mirrors of it.
    async fn revoke(&self, caller: &Caller, level: PermissionLevel, user: &User) -> Result<(), Refusal> {
        let events = vec![self.announcer.context(caller).permissions_changed(Some(&user.name))];
        self.store.revoke_permission(level, user.id, events).await.map_err(|error| match error {
            StoreError::NotFound { what, .. } => {
                Refusal::not_found(what, format!("The user {} has no permission here.", user.name))
            }
            error => error.into(),
        })?;
        self.announcer.announced();
        Ok(())
    }

    /// A permission can be lowered only by a user who holds it.
    async fn permit_lowering(&self, caller: &Caller, id: UserId) -> Result<(), Refusal> {
        let Some(held) = self.global_permission(id).await? else {
            return Ok(());
        };
        permit::grant_global(caller, held).map(drop)
    }
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
