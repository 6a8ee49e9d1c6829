//! Projects of the upstream.

use heliostat_auth::{Caller, ProjectPermission};
use heliostat_refusal::Refusal;
use heliostat_storage::{
    NewProject, Page, PageRequest, PermissionLevel, Project, ProjectId, ProjectKind, ProjectUpdate,
    ProjectsHeld, StoreError, UserId,
};

use crate::metadata_hash::metadata_hash;
use crate::names;
use crate::permit;
use crate::upstream::Upstream;
use crate::wire_event::{PROJECT_CREATED, PROJECT_DELETED, PROJECT_MODIFIED};

/// A project to create.
#[derive(Debug, Clone)]
pub struct ProjectCreation {
    /// Part of URLs.
    pub key: String,
    /// The name to show.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether everybody may read it.
    pub public: bool,
}

impl Upstream {
    /// Projects that the caller may see.
    pub async fn projects(
        &self,
        caller: &Caller,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Project>, Refusal> {
        let visible = permit::visibility(caller);
        Ok(self.store().list_projects(visible, name, page).await?)
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
        Ok(self.store().list_projects_held(&held, name, page).await?)
    }

    /// The project with this key.
    pub async fn project(&self, caller: &Caller, key: &str) -> Result<Project, Refusal> {
        self.permitted_project(caller, key, ProjectPermission::Read).await
    }

    /// The project with this id.
    pub async fn project_by_id(&self, caller: &Caller, id: &str) -> Result<Project, Refusal> {
        permit::authenticated(caller)?;
        let hidden = || permit::hidden(caller, "project", id);
        let id: ProjectId = id.parse().map_err(|_| hidden())?;
        let project = self.store().find_project(id).await?.ok_or_else(hidden)?;
        self.permit_on_project(caller, &project, ProjectPermission::Read).await?;
        Ok(project)
    }

    /// Creates a project and makes the caller its administrator.
    pub async fn create_project(
        &self,
        caller: &Caller,
        creation: ProjectCreation,
    ) -> Result<Project, Refusal> {
        permit::create_project(caller)?;
        let new_project = NewProject {
            key: names::project_key(&creation.key)?,
            name: names::project_name(&creation.name)?,
            description: creation
                .description
                .as_deref()
                .map(names::description)
                .transpose()?
                .filter(|text| !text.is_empty()),
            public: creation.public,
            kind: ProjectKind::Normal,
        };
        let (upstream, caller) = (self.clone(), caller.clone());
        self.to_the_end(async move { upstream.store_project(&caller, new_project).await }).await
    }

    async fn store_project(&self, caller: &Caller, new_project: NewProject) -> Result<Project, Refusal> {
        let occasion = self.occasion(caller);
        let make_events = |project: &Project| vec![occasion.project(PROJECT_CREATED, project)];
        let created = self.store().create_project(new_project, make_events).await;
        let project = created?;
        self.announced();
        if let Some(user) = caller.user() {
            let granted = ProjectPermission::Admin.as_str();
            let events = vec![occasion.permissions_changed(Some(&user.name))];
            let stored = self
                .store()
                .set_permission(PermissionLevel::Project(project.id), UserId(user.id), granted, events)
                .await;
            stored?;
            self.announced();
        }
        Ok(project)
    }

    /// Changes a project. A new key changes the URLs of its repositories.
    pub async fn update_project(
        &self,
        caller: &Caller,
        key: &str,
        update: ProjectUpdate,
    ) -> Result<Project, Refusal> {
        let project = self.permitted_project(caller, key, ProjectPermission::Admin).await?;
        let update = ProjectUpdate {
            key: update.key.as_deref().map(names::project_key).transpose()?,
            name: update.name.as_deref().map(names::project_name).transpose()?,
            description: update.description.as_deref().map(names::description).transpose()?,
            public: update.public,
        };
        let occasion = self.occasion(caller);
        let visibility_changed = update.public.is_some_and(|public| public != project.public);
        let updated = self
            .store()
            .update_project(project.id, update, metadata_hash, |project, _repositories| {
                let mut events = vec![occasion.project(PROJECT_MODIFIED, project)];
                if visibility_changed {
                    events.push(occasion.permissions_changed(None));
                }
                events
            })
            .await?;
        self.announced();
        Ok(updated)
    }

    /// Deletes a project without repositories.
    pub async fn delete_project(&self, caller: &Caller, key: &str) -> Result<(), Refusal> {
        let project = self.permitted_project(caller, key, ProjectPermission::Admin).await?;
        let events = vec![self.occasion(caller).project(PROJECT_DELETED, &project)];
        match self.store().delete_project(project.id, events).await {
            Err(StoreError::InUse { .. }) => {
                let message = format!("The project {} still has repositories.", project.key);
                return Err(Refusal::conflict(message));
            }
            result => result?,
        }
        self.announced();
        Ok(())
    }

    /// The project with this key, if the caller holds `needed` on it.
    pub(crate) async fn permitted_project(
        &self,
        caller: &Caller,
        key: &str,
        needed: ProjectPermission,
    ) -> Result<Project, Refusal> {
        let project = self.store().find_project_by_key(key).await?;
        let project = project.ok_or_else(|| permit::hidden(caller, "project", key))?;
        self.permit_on_project(caller, &project, needed).await?;
        Ok(project)
    }

    async fn permit_on_project(
        &self,
        caller: &Caller,
        project: &Project,
        needed: ProjectPermission,
    ) -> Result<(), Refusal> {
        let mut held = self.project_permission(caller, project).await?;
        if held.is_none() && self.sees_project(caller, project.id).await? {
            // Whoever may read a repository sees the project that it is in.
            held = Some(ProjectPermission::Read);
        }
        permit::on_project(caller, held, needed, &project.key)
    }

    async fn sees_project(&self, caller: &Caller, id: ProjectId) -> Result<bool, Refusal> {
        let visible = permit::visibility(caller);
        Ok(self.store().is_project_visible(id, visible).await?)
    }
}
