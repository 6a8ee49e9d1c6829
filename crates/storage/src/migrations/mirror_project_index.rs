//! The index by which a mirror walks over its repositories project by project.

use async_trait::async_trait;
use sea_orm_migration::{DbErr, MigrationName, MigrationTrait, SchemaManager};

use super::lookup;

pub(super) struct MirrorProjectIndex;

impl MigrationName for MirrorProjectIndex {
    fn name(&self) -> &str {
        "mirror_0002_project_index"
    }
}

#[async_trait]
impl MigrationTrait for MirrorProjectIndex {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = ["upstream_server_id", "project_id", "local_id"];
        manager.create_index(lookup("mirrored_repository", &columns)).await
    }
}
