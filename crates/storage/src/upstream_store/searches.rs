//! Searches by more than a name: repositories by what they are, projects by what somebody may do with them.

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::UpstreamStore;
use super::projects::folded_key;
use super::repositories::{assemble, with_project};
use super::visibility::visible_repositories;
use crate::entities::{project, project_permission, repository};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::records::{Project, ProjectsHeld, Repository, RepositorySearch, Visibility};
use crate::text_search::contains;

impl UpstreamStore {
    /// The repositories that somebody may see and that are what the search asks for, in order of creation.
    pub async fn search_repositories(
        &self,
        search: &RepositorySearch,
        visible_to: Visibility,
        page: PageRequest,
    ) -> Result<Page<Repository>, StoreError> {
        let rows = with_project()
            .filter(visible_repositories(visible_to))
            .filter(found_by(search))
            .order_by_asc(repository::Column::Id)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        let found = rows.into_iter().map(assemble).collect::<Result<_, _>>()?;
        Ok(Page::cut(found, page))
    }

    /// The projects on which somebody holds one of some permissions, in order of creation.
    pub async fn list_projects_held(
        &self,
        held: &ProjectsHeld,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Project>, StoreError> {
        let mut projects = project::Entity::find().filter(holds(held));
        if let Some(name) = name {
            projects = projects.filter(contains(project::Column::NameLower, name));
        }
        let rows = projects
            .order_by_asc(project::Column::Id)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        Ok(Page::cut(rows, page).map(Project::from))
    }
}

fn found_by(search: &RepositorySearch) -> Condition {
    let name = |text: &String| contains(repository::Column::NameLower, text);
    let project_name = |text: &String| contains(project::Column::NameLower, text);
    let project_key = |key: &String| project::Column::Key.eq(folded_key(key));
    let public = |public: bool| {
        let anybody_reads =
            Condition::any().add(repository::Column::Public.eq(true)).add(project::Column::Public.eq(true));
        if public { anybody_reads } else { anybody_reads.not() }
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
