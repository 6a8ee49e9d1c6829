//! The upstream's store on each kind of database, as a story per file.

mod accounts;
mod counts;
mod followings;
mod mirrors;
mod outbox;
mod projects;
mod repositories;
mod searches;
mod webhooks;

use serde_json::json;

use super::UpstreamStore;
use crate::database::Role;
use crate::error::StoreError;
use crate::ids::{MirrorServerId, ProjectId, RepositoryId, RepositoryIdentity};
use crate::page::PageRequest;
use crate::records::{
    Audience, MirrorServer, MirrorType, MirroringRequest, NewEvent, NewMirror, NewProject, NewRepository,
    NewRequest, NewUser, OpenRequestLimits, Project, ProjectKind, Repository, RepositoryFormat,
    RepositoryState, User, UserKind,
};
use crate::test_databases::TestDatabase;

const NOW: i64 = 1_763_000_000_000;
const FIRST_PAGE: PageRequest = PageRequest { start: 0, limit: 25 };

async fn stores() -> Vec<(UpstreamStore, TestDatabase)> {
    let databases = TestDatabase::each(Role::Upstream).await;
    databases.into_iter().map(|test| (UpstreamStore::new(test.database.clone()), test)).collect()
}

async fn user(store: &UpstreamStore, name: &str) -> User {
    store.accounts.create_user(new_user(name)).await.expect("the name is free")
}

fn new_user(name: &str) -> NewUser {
    NewUser {
        name: name.to_owned(),
        slug: name.to_owned(),
        display_name: format!("{name} Doe"),
        email: None,
        password_hash: Some("secret hash".to_owned()),
        active: true,
        kind: UserKind::Normal,
        created_at: NOW,
    }
}

async fn project(store: &UpstreamStore, key: &str) -> Project {
    store.repositories.create_project(new_project(key), |_| Vec::new()).await.expect("the key is free")
}

fn new_project(key: &str) -> NewProject {
    NewProject {
        key: key.to_owned(),
        name: format!("Project {key}"),
        description: None,
        public: false,
        kind: ProjectKind::Normal,
    }
}

async fn repository(store: &UpstreamStore, project: ProjectId, slug: &str) -> Repository {
    let repository = new_repository(project, slug);
    store
        .repositories
        .create_repository(repository, metadata_hash, |_| Vec::new())
        .await
        .expect("the slug is free")
}

fn new_repository(project_id: ProjectId, slug: &str) -> NewRepository {
    NewRepository {
        project_id,
        slug: slug.to_owned(),
        name: slug.to_owned(),
        description: None,
        hierarchy_id: "0123456789abcdef0123".to_owned(),
        identity: RepositoryIdentity::from(uuid::Uuid::new_v4().to_string()),
        public: false,
        forkable: true,
        state: RepositoryState::Available,
        default_branch: "refs/heads/main".to_owned(),
        object_format: RepositoryFormat::Sha1,
        content_hash: "empty".to_owned(),
        created_at: NOW,
    }
}

/// Stands for the hash that the domain computes.
fn metadata_hash(repository: &Repository) -> String {
    format!("{}/{}", repository.project.key, repository.slug)
}

fn new_request(mirror_id: &str) -> NewRequest {
    NewRequest {
        mirror_id: MirrorServerId::from(mirror_id),
        name: format!("Mirror {mirror_id}"),
        base_url: format!("https://{}.example", mirror_id.to_lowercase()),
        descriptor_uri: "https://mirror.example/descriptor".to_owned(),
        mirror_type: MirrorType::Single,
        product_type: Some("Heliostat".to_owned()),
        product_version: "0.1.0".to_owned(),
        key_hash: Some("hash".to_owned()),
        asked_from: None,
        requested_at: NOW,
    }
}

async fn file(store: &UpstreamStore, request: NewRequest) -> Result<MirroringRequest, StoreError> {
    store.mirrors.file_request(request, OpenRequestLimits { in_all: 100, per_network: 100 }).await
}

fn new_mirror() -> NewMirror {
    NewMirror {
        chosen_projects: Some(vec!["7".to_owned(), "12".to_owned()]),
        events_url: "https://mirror.example/events".to_owned(),
        uninstalled_url: None,
        shared_secret: "very secret".to_owned(),
        client_key: "client".to_owned(),
        addon_key: "add-on".to_owned(),
        accepted_at: NOW,
    }
}

async fn mirror(store: &UpstreamStore, mirror_id: &str) -> MirrorServer {
    let request = file(store, new_request(mirror_id)).await.expect("the name is free");
    store.mirrors.insert_mirror(request.id, new_mirror()).await.expect("the request is pending")
}

fn event(key: &str, repository_id: Option<RepositoryId>) -> NewEvent {
    let (audience, event_key, body) = (Audience::Mirrors, key.to_owned(), json!({ "eventKey": key }));
    NewEvent { audience, event_key, repository_id, body, created_at: NOW }
}

async fn pending_keys(store: &UpstreamStore, mirror_id: &MirrorServerId) -> Vec<String> {
    let pending = store.outbox.pending_for(mirror_id, None, 1000).await.expect("the outbox can be read");
    pending.into_iter().map(|event| event.event_key).collect()
}
