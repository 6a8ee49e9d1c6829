//! What others compare of all repositories: read in narrow rows, because it is read often and of very many.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::RepositoryRecords;
use super::records::{assemble, with_project};
use super::visibility::visible_repositories;
use crate::entities::{project, repository};
use crate::error::StoreError;
use crate::ids::{Generation, ProjectId, RepositoryId, RepositoryIdentity};
use crate::records::{ComparedRepository, Project, Repository, RepositoryHashes, Visibility};

type HashColumns = (ProjectId, bool, RepositoryId, RepositoryIdentity, Generation, String, String);

type ComparedColumns = (
    RepositoryId,
    ProjectId,
    String,
    String,
    bool,
    String,
    RepositoryIdentity,
    Generation,
    String,
    String,
    i64,
);

impl RepositoryRecords {
    /// The hashes of the repositories that are visible, ordered by project and repository and following the
    /// given pair; an empty list is the end.
    pub async fn list_hashes(
        &self,
        visible_to: Visibility,
        after: Option<(ProjectId, RepositoryId)>,
        limit: u64,
    ) -> Result<Vec<RepositoryHashes>, StoreError> {
        let Some((project_id, repository_id)) = after else {
            return self.hashes_where(visible_to, Condition::all(), limit).await;
        };
        // Two look-ups: no index of SQLite leads to a pair whose second part is the key of the table.
        let in_project = Condition::all()
            .add(repository::Column::ProjectId.eq(project_id))
            .add(repository::Column::Id.gt(repository_id));
        let mut hashes = self.hashes_where(visible_to, in_project, limit).await?;
        let missing = limit.saturating_sub(hashes.len() as u64);
        if missing > 0 {
            let later = Condition::all().add(repository::Column::ProjectId.gt(project_id));
            hashes.extend(self.hashes_where(visible_to, later, missing).await?);
        }
        Ok(hashes)
    }

    async fn hashes_where(
        &self,
        visible_to: Visibility,
        place: Condition,
        limit: u64,
    ) -> Result<Vec<RepositoryHashes>, StoreError> {
        let rows: Vec<HashColumns> = repository::Entity::find()
            .inner_join(project::Entity)
            .select_only()
            .column(repository::Column::ProjectId)
            .column(project::Column::Public)
            .column(repository::Column::Id)
            .column(repository::Column::Identity)
            .column(repository::Column::Generation)
            .column(repository::Column::ContentHash)
            .column(repository::Column::MetadataHash)
            .filter(visible_repositories(visible_to))
            .filter(place)
            .order_by_asc(repository::Column::ProjectId)
            .order_by_asc(repository::Column::Id)
            .limit(limit)
            .into_tuple()
            .all(self.database.connection())
            .await?;
        Ok(rows.into_iter().map(hashes_of).collect())
    }

    /// What mirrors compare of the repositories that were announced, from an id on, in the order of ids.
    pub async fn compared_repositories(
        &self,
        from: RepositoryId,
        limit: u64,
    ) -> Result<Vec<ComparedRepository>, StoreError> {
        let rows: Vec<ComparedColumns> = repository::Entity::find()
            .select_only()
            .columns([
                repository::Column::Id,
                repository::Column::ProjectId,
                repository::Column::Slug,
                repository::Column::Name,
                repository::Column::Public,
                repository::Column::DefaultBranch,
                repository::Column::Identity,
                repository::Column::Generation,
                repository::Column::ContentHash,
                repository::Column::MetadataHash,
                repository::Column::PurgeNumber,
            ])
            .filter(visible_repositories(Visibility::Announced))
            .filter(repository::Column::Id.gte(from))
            .order_by_asc(repository::Column::Id)
            .limit(limit)
            .into_tuple()
            .all(self.database.connection())
            .await?;
        Ok(rows.into_iter().map(compared).collect())
    }

    /// The repositories that were announced and whose ids lie between two, in the order of ids.
    pub async fn announced_repositories(
        &self,
        first: RepositoryId,
        last: RepositoryId,
    ) -> Result<Vec<Repository>, StoreError> {
        let rows = with_project()
            .filter(visible_repositories(Visibility::Announced))
            .filter(repository::Column::Id.between(first, last))
            .order_by_asc(repository::Column::Id)
            .all(self.database.connection())
            .await?;
        rows.into_iter().map(assemble).collect()
    }

    /// Repositories of every state from an id on, in the order of ids, for walking over all of them.
    pub async fn repositories_from(
        &self,
        from: RepositoryId,
        limit: u64,
    ) -> Result<Vec<Repository>, StoreError> {
        let rows = with_project()
            .filter(repository::Column::Id.gte(from))
            .order_by_asc(repository::Column::Id)
            .limit(limit)
            .all(self.database.connection())
            .await?;
        rows.into_iter().map(assemble).collect()
    }

    /// Every project.
    pub async fn every_project(&self) -> Result<Vec<Project>, StoreError> {
        let rows = project::Entity::find().all(self.database.connection()).await?;
        Ok(rows.into_iter().map(Project::from).collect())
    }
}

fn hashes_of(row: HashColumns) -> RepositoryHashes {
    let (project_id, project_public, repository_id, identity, generation, content_hash, metadata_hash) = row;
    RepositoryHashes {
        project_id,
        project_public,
        repository_id,
        identity,
        generation,
        content_hash,
        metadata_hash,
    }
}

fn compared(row: ComparedColumns) -> ComparedRepository {
    let (id, project_id, slug, name, public, default_branch, identity, generation, content, metadata, purge) =
        row;
    ComparedRepository {
        id,
        project_id,
        slug,
        name,
        public,
        default_branch,
        identity,
        generation,
        content_hash: content,
        metadata_hash: metadata,
        purge_number: purge,
    }
}
