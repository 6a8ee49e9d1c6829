//! The mirror's store on each kind of database, as a story per file.

mod repositories;
mod synchronisation;
mod upstream_servers;

use super::MirrorStore;
use crate::database::Role;
use crate::ids::UpstreamServerId;
use crate::records::{MirroredRepository, RepositoryMetadata, UpstreamServer};
use crate::test_databases::TestDatabase;

const NOW: i64 = 1_763_000_000_000;

async fn stores() -> Vec<(MirrorStore, TestDatabase)> {
    let databases = TestDatabase::each(Role::Mirror).await;
    databases.into_iter().map(|test| (MirrorStore::new(test.database.clone()), test)).collect()
}

async fn upstream(store: &MirrorStore, id: &str, added_at: i64) -> UpstreamServer {
    let base_url = format!("https://{id}.example");
    store.upsert_upstream(&UpstreamServerId::from(id), &base_url, added_at).await.expect("it can be added")
}

async fn repository(store: &MirrorStore, upstream: &UpstreamServer, external_id: &str) -> MirroredRepository {
    store.upsert_repository(metadata(upstream, external_id)).await.expect("it can be added")
}

fn metadata(upstream: &UpstreamServer, external_id: &str) -> RepositoryMetadata {
    RepositoryMetadata {
        upstream_server_id: upstream.id.clone(),
        external_id: external_id.to_owned(),
        project_id: "1".to_owned(),
        project_key: "prj".to_owned(),
        project_name: "Project".to_owned(),
        project_public: false,
        slug: format!("Site-{external_id}"),
        name: "Site".to_owned(),
        public: false,
        default_branch: Some("refs/heads/main".to_owned()),
        metadata_hash: "metadata".to_owned(),
        identity: Some(format!("identity of {external_id}")),
    }
}
