//! Searches by more than a name: repositories by what they are, projects by the permissions that a user holds.

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition};

use super::RepositoryRecords;
use super::projects::folded_key;
use super::visibility::visible_repositories;
use crate::entities::{project, project_permission, repository};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::records::{Project, ProjectsHeld, Repository, RepositorySearch, Visibility};
use crate::text_search::contains;

impl RepositoryRecords {
    /// The repositories that are visible and that are what the search asks for, in order of creation.
    pub async fn search_repositories(
        &self,
        search: &RepositorySearch,
        visible_to: Visibility,
        page: PageRequest,
    ) -> Result<Page<Repository>, StoreError> {
        let found = Condition::all().add(visible_repositories(visible_to)).add(found_by(search));
        self.page_of_repositories(found, page).await
    }

    /// The projects on which a user holds one of some permissions, in order of creation.
    pub async fn list_projects_held(
        &self,
        held: &ProjectsHeld,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Project>, StoreError> {
        self.page_of_projects(holds(held), name, page).await
    }
}

fn found_by(search: &RepositorySearch) -> Condition {
    let name = |text: &String| contains(repository::Column::NameLower, text);
    let project_name = |text: &String| contains(project::Column::NameLower, text);
    let project_key = |key: &String| project::Column::Key.eq(folded_key(key));
    let public = |public: bool| {
        let is_public =
            Condition::any().add(repository::Column::Public.eq(true)).add(project::Column::Public.eq(true));
        if public { is_public } else { is_public.not() }
    };
    Condition::all()
        .add_option(search.name.as_ref().map(name))
        .add_option(search.project_name.as_ref().map(project_name))
        .add_option(search.project_key.as_ref().map(project_key))
        .add_option(search.public.map(public))
}

fn holds(held: &ProjectsHeld) -> Condition {
    let granted = Query::select()
        .column(project_permission::Column::ProjectId)
        .from(project_permission::Entity)
        .and_where(project_permission::Column::UserId.eq(held.user))
        .and_where(project_permission::Column::Permission.is_in(held.permissions.iter().copied()))
        .to_owned();
    let mut condition = Condition::any().add(project::Column::Id.in_subquery(granted));
    if held.or_public {
        condition = condition.add(project::Column::Public.eq(true));
    }
    condition
}
