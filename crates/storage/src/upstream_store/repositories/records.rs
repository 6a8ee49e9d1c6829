//! Repositories and the changes of their refs.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Unchanged, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, SelectTwo, Set,
};

use super::RepositoryRecords;
use super::projects::folded_key;
use super::visibility::visible_repositories;
use crate::change_count::Shown;
use crate::database::Database;
use crate::entities::{project, repository};
use crate::error::{StoreError, UniqueField, require_row};
use crate::ids::{Generation, ProjectId, RepositoryId, RepositoryIdentity};
use crate::page::{Page, PageRequest};
use crate::records::{NewEvent, NewRepository, RefChangeRecord, Repository, RepositoryUpdate, Visibility};
use crate::text_search::{contains, folded};
use crate::upstream_store::deletions;
use crate::upstream_store::outbox::announce;
use crate::upstream_store::ref_changes::remember_changes;
use crate::write_transaction::WriteTransaction;

impl RepositoryRecords {
    /// Creates a repository at generation 0 and announces it; fails with a conflict on "repository slug", or on
    /// "repository identity" when there is one with this identity.
    pub async fn create_repository(
        &self,
        repository: NewRepository,
        metadata_hash: impl FnOnce(&Repository) -> String + Send,
        make_events: impl FnOnce(&Repository) -> Vec<NewEvent> + Send,
    ) -> Result<Repository, StoreError> {
        self.insert_repository(repository, |_| {}, metadata_hash, make_events).await
    }

    /// Records a repository that was on disk under this id before, at a generation that it has not had.
    /// Fails with a conflict like [`RepositoryRecords::create_repository`].
    pub async fn adopt_repository(
        &self,
        (id, generation): (RepositoryId, Generation),
        repository: NewRepository,
        metadata_hash: impl FnOnce(&Repository) -> String + Send,
        make_events: impl FnOnce(&Repository) -> Vec<NewEvent> + Send,
    ) -> Result<Repository, StoreError> {
        // A database that counts by a sequence of its own would give the id again.
        self.skip_repository_ids(id).await?;
        let adopt = |row: &mut repository::ActiveModel| {
            row.id = Set(id);
            row.generation = Set(generation);
        };
        self.insert_repository(repository, adopt, metadata_hash, make_events).await
    }

    async fn insert_repository(
        &self,
        repository: NewRepository,
        change_row: impl FnOnce(&mut repository::ActiveModel) + Send,
        metadata_hash: impl FnOnce(&Repository) -> String + Send,
        make_events: impl FnOnce(&Repository) -> Vec<NewEvent> + Send,
    ) -> Result<Repository, StoreError> {
        let (slug, identity) = (folded(&repository.slug), repository.identity.clone());
        let mut row = repository::ActiveModel {
            project_id: Set(repository.project_id),
            slug: Set(slug.clone()),
            name_lower: Set(folded(&repository.name)),
            name: Set(repository.name),
            description: Set(repository.description),
            hierarchy_id: Set(repository.hierarchy_id),
            identity: Set(repository.identity),
            public: Set(repository.public),
            forkable: Set(repository.forkable),
            archived: Set(false),
            state: Set(repository.state),
            default_branch: Set(repository.default_branch),
            object_format: Set(repository.object_format),
            generation: Set(Generation::default()),
            content_hash: Set(repository.content_hash),
            metadata_hash: Set(String::new()),
            created_at: Set(repository.created_at),
            updated_at: Set(repository.created_at),
            ..Default::default()
        };
        change_row(&mut row);
        let transaction = self.database.begin_write().await?;
        let project = lock_project(&transaction, repository.project_id).await?;
        let unique = [unique_slug(&slug), unique_identity(&identity)];
        let created = row.insert(&transaction).await;
        let created = created.map_err(|error| StoreError::from(error).or_conflict(&unique))?;
        let created = refresh_metadata_hash(&transaction, created, project, metadata_hash).await?;
        announce(&transaction, make_events(&created)).await?;
        transaction.commit().await?;
        Ok(created)
    }

    /// The repository with this id.
    pub async fn find_repository(&self, id: RepositoryId) -> Result<Option<Repository>, StoreError> {
        self.one_repository(repository::Column::Id.eq(id).into()).await
    }

    /// The repository with this name in the project with this key, in whatever case.
    pub async fn find_repository_by_slug(
        &self,
        project_key: &str,
        slug: &str,
    ) -> Result<Option<Repository>, StoreError> {
        self.one_repository(
            Condition::all()
                .add(project::Column::Key.eq(folded_key(project_key)))
                .add(repository::Column::Slug.eq(folded(slug))),
        )
        .await
    }

    /// The repositories, in one project or all, that are visible and whose name contains a text, in order of
    /// creation.
    pub async fn list_repositories(
        &self,
        project_id: Option<ProjectId>,
        visible_to: Visibility,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Repository>, StoreError> {
        let in_project = project_id.map(|id| repository::Column::ProjectId.eq(id));
        let named = name.map(|name| contains(repository::Column::NameLower, name));
        let listed = visible_repositories(visible_to);
        self.page_of_repositories(Condition::all().add(listed).add_option(in_project).add_option(named), page)
            .await
    }

    /// The repositories that fulfil a condition, in order of creation.
    pub(super) async fn page_of_repositories(
        &self,
        condition: Condition,
        page: PageRequest,
    ) -> Result<Page<Repository>, StoreError> {
        let rows = with_project()
            .filter(condition)
            .order_by_asc(repository::Column::Id)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        let found = rows.into_iter().map(assemble).collect::<Result<_, _>>()?;
        Ok(Page::cut(found, page))
    }

    /// Changes a repository, computes its metadata hash anew, and announces it; fails with a conflict on
    /// "repository slug".
    pub async fn update_repository(
        &self,
        id: RepositoryId,
        update: RepositoryUpdate,
        updated_at: i64,
        metadata_hash: impl FnOnce(&Repository) -> String + Send,
        make_events: impl FnOnce(&Repository) -> Vec<NewEvent> + Send,
    ) -> Result<Repository, StoreError> {
        let slug = update.slug.as_deref().map(folded);
        let unique = [unique_slug(slug.as_deref().unwrap_or_default())];
        let transaction = self.database.begin_write().await?;
        let before = repository::Entity::find_by_id(id).one(&transaction).await?;
        let before = before.ok_or_else(|| StoreError::not_found("repository", &id))?;
        // The project is locked before the repository, as everywhere, so that two changes cannot wait for
        // each other.
        let project = lock_project(&transaction, update.project_id.unwrap_or(before.project_id)).await?;

        let mut row = changed_fields(update);
        row.id = Unchanged(id);
        row.updated_at = Set(updated_at);
        let updated = row.update(&transaction).await.map_err(|error| {
            StoreError::from(error).or_conflict(&unique).or_missing_row("repository", &id)
        })?;
        let updated = refresh_metadata_hash(&transaction, updated, project, metadata_hash).await?;
        announce(&transaction, make_events(&updated)).await?;
        transaction.commit().await?;
        Ok(updated)
    }

    /// Deletes a repository with its permissions and announces it, also to mirrors that are accepted later.
    pub async fn delete_repository(&self, id: RepositoryId, events: Vec<NewEvent>) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        let deleted = repository::Entity::delete_by_id(id).exec(&transaction).await?;
        require_row(deleted.rows_affected, "repository", &id)?;
        deletions::remember(&transaction, &events).await?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }

    /// Records that a repository's refs have changed, under the next generation, and announces it.
    ///
    /// The caller has seen `expected_generation` before the change; if another change was recorded since, nothing
    /// is recorded, and the caller looks at the refs again.
    pub async fn record_ref_change(
        &self,
        change: RefChangeRecord,
        make_events: impl FnOnce(Generation) -> Vec<NewEvent> + Send,
    ) -> Result<Generation, StoreError> {
        let id = change.repository_id;
        let expected = change.expected_generation;
        let mut update = repository::Entity::update_many()
            .col_expr(repository::Column::Generation, Expr::value(expected.next()))
            .col_expr(repository::Column::ContentHash, Expr::value(change.content_hash))
            .col_expr(repository::Column::UpdatedAt, Expr::value(change.changed_at));
        if let Some(default_branch) = change.default_branch {
            update = update.col_expr(repository::Column::DefaultBranch, Expr::value(default_branch));
        }
        if let Some(metadata_hash) = change.metadata_hash {
            update = update.col_expr(repository::Column::MetadataHash, Expr::value(metadata_hash));
        }

        let transaction = self.database.begin_write_of(Shown::ReferencesOf(id)).await?;
        let updated = update
            .filter(repository::Column::Id.eq(id))
            .filter(repository::Column::Generation.eq(expected))
            .exec(&transaction)
            .await?;
        if updated.rows_affected == 0 {
            let current = repository::Entity::find_by_id(id).one(&transaction).await?;
            let current = current.ok_or_else(|| StoreError::not_found("repository", &id))?;
            return Err(StoreError::StaleGeneration { expected, actual: current.generation });
        }
        remember_changes(&transaction, id, expected.next(), change.changes).await?;
        announce(&transaction, make_events(expected.next())).await?;
        transaction.commit().await?;
        Ok(expected.next())
    }

    /// The project key and the slug of each of these repositories that is there.
    pub async fn repository_paths(
        &self,
        ids: &[RepositoryId],
    ) -> Result<Vec<(RepositoryId, String, String)>, StoreError> {
        let rows = with_project()
            .filter(repository::Column::Id.is_in(ids.iter().copied()))
            .all(self.database.connection())
            .await?;
        let path = |(repository, project): (repository::Model, Option<project::Model>)| {
            Some((repository.id, project?.key, repository.slug))
        };
        Ok(rows.into_iter().filter_map(path).collect())
    }

    async fn one_repository(&self, condition: Condition) -> Result<Option<Repository>, StoreError> {
        let found = with_project().filter(condition).one(self.database.connection()).await?;
        found.map(assemble).transpose()
    }
}

fn unique_slug(slug: &str) -> UniqueField<'_> {
    UniqueField { what: "repository slug", table: "repository", column: "slug", value: slug }
}

fn unique_identity(identity: &RepositoryIdentity) -> UniqueField<'_> {
    UniqueField {
        what: "repository identity",
        table: "repository",
        column: "identity",
        value: identity.as_str(),
    }
}

/// Puts to what is known of each repository the repository itself; leaves out what is known of one that is gone.
pub(crate) async fn with_repositories<T>(
    database: &Database,
    known: Vec<(RepositoryId, T)>,
) -> Result<Vec<(Repository, T)>, StoreError> {
    let is_one = repository::Column::Id.is_in(known.iter().map(|(id, _)| *id));
    let rows = with_project().filter(is_one).all(database.connection()).await?;
    let found = rows.into_iter().map(|row| assemble(row).map(|found| (found.id, found)));
    let found: HashMap<RepositoryId, Repository> = found.collect::<Result<_, _>>()?;
    let with_repository = |(id, known): (RepositoryId, T)| Some((found.get(&id)?.clone(), known));
    Ok(known.into_iter().filter_map(with_repository).collect())
}

pub(super) fn with_project() -> SelectTwo<repository::Entity, project::Entity> {
    repository::Entity::find().find_also_related(project::Entity)
}

pub(super) fn assemble(
    (repository, project): (repository::Model, Option<project::Model>),
) -> Result<Repository, StoreError> {
    let project = project.ok_or_else(|| StoreError::not_found("project", &repository.project_id))?;
    Ok(repository.in_project(project))
}

/// Loads a project and keeps it from being changed until the transaction ends.
async fn lock_project(transaction: &WriteTransaction, id: ProjectId) -> Result<project::Model, StoreError> {
    let found = project::Entity::find_by_id(id).lock_shared().one(transaction).await?;
    found.ok_or_else(|| StoreError::not_found("project", &id))
}

fn changed_fields(update: RepositoryUpdate) -> repository::ActiveModel {
    let mut row = <repository::ActiveModel as Default>::default();
    if let Some(project_id) = update.project_id {
        row.project_id = Set(project_id);
    }
    if let Some(slug) = update.slug {
        row.slug = Set(folded(&slug));
    }
    if let Some(name) = update.name {
        row.name_lower = Set(folded(&name));
        row.name = Set(name);
    }
    if let Some(description) = update.description {
        row.description = Set(Some(description).filter(|text| !text.is_empty()));
    }
    if let Some(public) = update.public {
        row.public = Set(public);
    }
    if let Some(forkable) = update.forkable {
        row.forkable = Set(forkable);
    }
    if let Some(archived) = update.archived {
        row.archived = Set(archived);
    }
    if let Some(state) = update.state {
        row.state = Set(state);
    }
    if let Some(default_branch) = update.default_branch {
        row.default_branch = Set(default_branch);
    }
    if let Some(object_format) = update.object_format {
        row.object_format = Set(object_format);
    }
    row
}

/// Computes the metadata hash of a repository anew and stores it if it has changed.
pub(super) async fn refresh_metadata_hash(
    transaction: &WriteTransaction,
    row: repository::Model,
    project: project::Model,
    metadata_hash: impl FnOnce(&Repository) -> String,
) -> Result<Repository, StoreError> {
    let mut repository = row.in_project(project);
    let hash = metadata_hash(&repository);
    if hash != repository.metadata_hash {
        let changed = repository::ActiveModel {
            id: Unchanged(repository.id),
            metadata_hash: Set(hash.clone()),
            ..Default::default()
        };
        changed.update(transaction).await?;
        repository.metadata_hash = hash;
    }
    Ok(repository)
}
