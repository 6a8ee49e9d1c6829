//! Projects.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Unchanged, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use super::RepositoryRecords;
use super::records::refresh_metadata_hash;
use super::visibility::visible_projects;
use crate::entities::{project, repository};
use crate::error::{StoreError, UniqueField, require_row};
use crate::ids::ProjectId;
use crate::page::{Page, PageRequest};
use crate::records::{NewEvent, NewProject, Project, ProjectUpdate, Repository, Visibility};
use crate::text_search::{contains, folded};
use crate::upstream_store::outbox::announce;
use crate::write_transaction::WriteTransaction;

/// The form in which project keys are stored and compared.
pub(super) fn folded_key(key: &str) -> String {
    folded(key).to_uppercase()
}

fn unique_fields<'a>(key: &'a str, name: &'a str) -> [UniqueField<'a>; 2] {
    [
        UniqueField { what: "project key", table: "project", column: "key", value: key },
        UniqueField { what: "project name", table: "project", column: "name_lower", value: name },
    ]
}

impl RepositoryRecords {
    /// Creates a project and announces it; fails with a conflict on "project key" or "project name".
    pub async fn create_project(
        &self,
        project: NewProject,
        make_events: impl FnOnce(&Project) -> Vec<NewEvent> + Send,
    ) -> Result<Project, StoreError> {
        let key = folded_key(&project.key);
        let unique = unique_fields(&key, &project.name);
        let row = project::ActiveModel {
            key: Set(key.clone()),
            name: Set(project.name.clone()),
            name_lower: Set(folded(&project.name)),
            description: Set(project.description.clone()),
            public: Set(project.public),
            kind: Set(project.kind),
            ..Default::default()
        };
        let transaction = self.database.begin_write().await?;
        let created = row.insert(&transaction).await;
        let created = Project::from(created.map_err(|error| StoreError::from(error).or_conflict(&unique))?);
        announce(&transaction, make_events(&created)).await?;
        transaction.commit().await?;
        Ok(created)
    }

    /// The project with this id.
    pub async fn find_project(&self, id: ProjectId) -> Result<Option<Project>, StoreError> {
        let found = project::Entity::find_by_id(id).one(self.database.connection()).await?;
        Ok(found.map(Project::from))
    }

    /// The project with this key, in whatever case.
    pub async fn find_project_by_key(&self, key: &str) -> Result<Option<Project>, StoreError> {
        let found = project::Entity::find()
            .filter(project::Column::Key.eq(folded_key(key)))
            .one(self.database.connection())
            .await?;
        Ok(found.map(Project::from))
    }

    /// The projects that are visible and whose name contains a text, in order of creation.
    pub async fn list_projects(
        &self,
        visible_to: Visibility,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Project>, StoreError> {
        self.page_of_projects(visible_projects(visible_to), name, page).await
    }

    /// The projects that fulfil a condition and whose name contains a text, in order of creation.
    pub(super) async fn page_of_projects(
        &self,
        condition: Condition,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Project>, StoreError> {
        let named = name.map(|name| contains(project::Column::NameLower, name));
        let rows = project::Entity::find()
            .filter(Condition::all().add(condition).add_option(named))
            .order_by_asc(project::Column::Id)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        Ok(Page::cut(rows, page).map(Project::from))
    }

    /// Whether a project is visible.
    pub async fn is_project_visible(
        &self,
        id: ProjectId,
        visible_to: Visibility,
    ) -> Result<bool, StoreError> {
        let found = project::Entity::find_by_id(id)
            .filter(visible_projects(visible_to))
            .one(self.database.connection())
            .await?;
        Ok(found.is_some())
    }

    /// Changes a project, computes the metadata hash of each of its repositories anew, and announces it.
    pub async fn update_project(
        &self,
        id: ProjectId,
        update: ProjectUpdate,
        metadata_hash: impl Fn(&Repository) -> String + Send + Sync,
        make_events: impl FnOnce(&Project, &[Repository]) -> Vec<NewEvent> + Send,
    ) -> Result<Project, StoreError> {
        let key = update.key.as_deref().map(folded_key);
        let unique =
            unique_fields(key.as_deref().unwrap_or_default(), update.name.as_deref().unwrap_or_default());
        let mut row = project::ActiveModel { id: Unchanged(id), ..Default::default() };
        if let Some(key) = &key {
            row.key = Set(key.clone());
        }
        if let Some(name) = &update.name {
            row.name = Set(name.clone());
            row.name_lower = Set(folded(name));
        }
        if let Some(description) = &update.description {
            row.description = Set(Some(description.clone()).filter(|text| !text.is_empty()));
        }
        if let Some(public) = update.public {
            row.public = Set(public);
        }

        let transaction = self.database.begin_write().await?;
        let updated = row
            .update(&transaction)
            .await
            .map_err(|error| StoreError::from(error).or_conflict(&unique).or_missing_row("project", &id))?;
        let repositories = refresh_metadata_hashes(&transaction, &updated, metadata_hash).await?;
        let updated = Project::from(updated);
        announce(&transaction, make_events(&updated, &repositories)).await?;
        transaction.commit().await?;
        Ok(updated)
    }

    /// Deletes a project without repositories and announces it; one with repositories is in use.
    pub async fn delete_project(&self, id: ProjectId, events: Vec<NewEvent>) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        let deleted = project::Entity::delete_by_id(id).exec(&transaction).await;
        let deleted = deleted.map_err(|error| StoreError::from(error).or_in_use("project", &id))?;
        require_row(deleted.rows_affected, "project", &id)?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }
}

async fn refresh_metadata_hashes(
    transaction: &WriteTransaction,
    project: &project::Model,
    metadata_hash: impl Fn(&Repository) -> String,
) -> Result<Vec<Repository>, StoreError> {
    let rows = repository::Entity::find()
        .filter(repository::Column::ProjectId.eq(project.id))
        .order_by_asc(repository::Column::Id)
        .all(transaction)
        .await?;
    let mut repositories = Vec::with_capacity(rows.len());
    for row in rows {
        let repository = refresh_metadata_hash(transaction, row, project.clone(), &metadata_hash).await?;
        repositories.push(repository);
    }
    Ok(repositories)
}
