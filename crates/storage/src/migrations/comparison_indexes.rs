//! The indexes by which very many repositories are walked over and looked through in little time.

use async_trait::async_trait;
use sea_orm_migration::sea_query::Index;
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

use super::lookup;

/// An upstream tells the hashes of all repositories project by project.
pub(super) struct RepositoriesByProject;

impl MigrationName for RepositoriesByProject {
    fn name(&self) -> &str {
        "upstream_repositories_by_project"
    }
}

#[async_trait]
impl MigrationTrait for RepositoriesByProject {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(lookup("repository", &["project_id", "id"])).await
    }
}

/// Each sweep of a mirror looks for repositories whose removal was interrupted. What it tells of those that it has, it
/// reads off memory.
pub(super) struct RemovedRepositories;

impl MigrationName for RemovedRepositories {
    fn name(&self) -> &str {
        "mirror_removed_repositories"
    }
}

#[async_trait]
impl MigrationTrait for RemovedRepositories {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(lookup("mirrored_repository", &["removed_at"])).await?;
        let unused = "lookup_mirrored_repository_upstream_server_id_project_id_local_id";
        manager.drop_index(Index::drop().name(unused).table("mirrored_repository").to_owned()).await
    }

    // Without it, SQLite would keep half of this when the process is killed here.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
