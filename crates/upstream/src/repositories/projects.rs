//! Projects of the upstream.

use std::sync::Arc;

use heliostat_api::AddonEventKey;
use heliostat_auth::{Caller, ProjectPermission};
use heliostat_downstream::metadata_hash;
use heliostat_refusal::Refusal;
use heliostat_storage::{
    NewProject, Page, PageRequest, PermissionLevel, Project, ProjectId, ProjectKind, ProjectUpdate,
    ProjectsHeld, StoreError, UserId,
};

use super::records::Repositories;
use crate::names;
use crate::permit::{self, Named, ProjectAdministrator, ProjectCreator, ProjectReader};

/// A project to create.
#[derive(Debug, Clone)]
pub struct ProjectCreation {
    /// Part of URLs.
    pub key: String,
    /// The name to show.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether all callers may read it.
    pub public: bool,
}

impl Repositories {
    /// Projects that the caller may see.
    pub async fn projects(
        &self,
        caller: &Caller,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Project>, Refusal> {
        let visible = permit::visibility(caller);
        Ok(self.records.list_projects(visible, name, page).await?)
    }

    /// Projects on which the caller holds at least this permission.
    pub async fn projects_with_permission(
        &self,
        caller: &Caller,
        needed: ProjectPermission,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Project>, Refusal> {
        let reads = needed == ProjectPermission::Read;
        if caller.is_admin() || (reads && caller.mirror_id().is_some()) {
            return self.projects(caller, name, page).await;
        }
        let suffices = [ProjectPermission::Read, ProjectPermission::Write, ProjectPermission::Admin];
        let suffices = suffices.into_iter().filter(|permission| *permission >= needed);
        let unbounded = caller.token_scope().is_none_or(|scope| scope.project >= Some(needed));
        let held = ProjectsHeld {
            user: caller.user().filter(|_| unbounded).map(|user| UserId(user.id)),
            permissions: suffices.map(ProjectPermission::as_str).collect(),
            or_public: reads,
        };
        Ok(self.records.list_projects_held(&held, name, page).await?)
    }

    /// The project with this key.
    pub async fn project(&self, caller: &Caller, key: &str) -> Result<Project, Refusal> {
        Ok(self.project_reader(caller, key).await?.into())
    }

    /// The project with this id.
    pub async fn project_by_id(&self, caller: &Caller, id: &str) -> Result<Project, Refusal> {
        permit::authenticated(caller)?;
        let found = match id.parse::<ProjectId>() {
            Ok(id) => self.records.find_project(id).await?,
            Err(_) => None,
        };
        let named = self.accounts.named_project(caller, id.to_owned(), found).await?;
        Ok(permit::read_project(caller, named)?.into())
    }

    /// Creates a project and makes the caller its administrator.
    pub async fn create_project(
        self: &Arc<Self>,
        creator: ProjectCreator<'_>,
        creation: ProjectCreation,
    ) -> Result<Project, Refusal> {
        let new_project = NewProject {
            key: names::project_key(&creation.key)?,
            name: names::project_name(&creation.name)?,
            description: names::new_description(creation.description.as_deref())?,
            public: creation.public,
            kind: ProjectKind::Normal,
        };
        let (repositories, caller) = (Arc::clone(self), creator.caller().clone());
        self.tasks.to_the_end(async move { repositories.store_project(&caller, new_project).await }).await
    }

    async fn store_project(&self, caller: &Caller, new_project: NewProject) -> Result<Project, Refusal> {
        let context = self.announcer.context(caller);
        let make_events = |project: &Project| vec![context.project(AddonEventKey::ProjectCreated, project)];
        let created = self.records.create_project(new_project, make_events).await;
        let project = created?;
        self.announcer.announced();
        if let Some(user) = caller.user() {
            let granted = ProjectPermission::Admin.as_str();
            let events = vec![context.permissions_changed(Some(&user.name))];
            let stored = self
                .grants
                .set_permission(PermissionLevel::Project(project.id), UserId(user.id), granted, events)
                .await;
            stored?;
            self.announcer.announced();
        }
        Ok(project)
    }

    /// Changes a project. A new key changes the URLs of its repositories.
    pub async fn update_project(
        &self,
        administrator: &ProjectAdministrator<'_>,
        update: ProjectUpdate,
    ) -> Result<Project, Refusal> {
        let project = administrator.project();
        let update = ProjectUpdate {
            key: update.key.as_deref().map(names::project_key).transpose()?,
            name: update.name.as_deref().map(names::project_name).transpose()?,
            description: update.description.as_deref().map(names::description).transpose()?,
            public: update.public,
        };
        let context = self.announcer.context(administrator.caller());
        let visibility_changed = update.public.is_some_and(|public| public != project.public);
        let updated = self
            .records
            .update_project(project.id, update, metadata_hash, |project, _repositories| {
                let mut events = vec![context.project(AddonEventKey::ProjectModified, project)];
                if visibility_changed {
                    events.push(context.permissions_changed(None));
                }
                events
            })
            .await?;
        self.announcer.announced();
        Ok(updated)
    }

    /// Deletes a project without repositories.
    pub async fn delete_project(&self, administrator: &ProjectAdministrator<'_>) -> Result<(), Refusal> {
        let project = administrator.project();
        let context = self.announcer.context(administrator.caller());
        let events = vec![context.project(AddonEventKey::ProjectDeleted, project)];
        match self.records.delete_project(project.id, events).await {
            Err(StoreError::InUse { .. }) => {
                let message = format!("The project {} still has repositories.", project.key);
                return Err(Refusal::conflict(message));
            }
            result => result?,
        }
        self.announcer.announced();
        Ok(())
    }

    /// That the caller may see the project with this key.
    pub async fn project_reader<'a>(
        &self,
        caller: &'a Caller,
        key: &str,
    ) -> Result<ProjectReader<'a>, Refusal> {
        permit::read_project(caller, self.project_by_key(caller, key).await?)
    }

    /// That the caller administers the project with this key.
    pub async fn project_administrator<'a>(
        &self,
        caller: &'a Caller,
        key: &str,
    ) -> Result<ProjectAdministrator<'a>, Refusal> {
        permit::administer_project(caller, self.project_by_key(caller, key).await?)
    }

    async fn project_by_key(
        &self,
        caller: &Caller,
        key: &str,
    ) -> Result<Named<Project, ProjectPermission>, Refusal> {
        let found = self.records.find_project_by_key(key).await?;
        self.accounts.named_project(caller, key.to_owned(), found).await
    }
}
