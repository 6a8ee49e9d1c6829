//! What the fake upstream says, in the contract's types.

use std::collections::BTreeMap;

use heliostat_api::models::{
    EnrichedRepository, EnrichedRepositoryProperties, MirrorType, MirroringRequestState,
    PageOfEnrichedRepository, ProjectType, RepositoryState, RestAnalyticsSettings,
    RestApplicationUserWithPermissions, RestMirrorServer, RestMirroringRequest, RestProject,
    RestRepositoryLinks, RestSelfLinks, UserType,
};
use heliostat_peer::Clock;
use serde_json::json;

use super::FakeRepository;

pub(super) fn wire(id: i32, repository: &FakeRepository) -> EnrichedRepository {
    EnrichedRepository {
        id,
        slug: repository.slug.clone(),
        name: repository.slug.clone(),
        description: None,
        hierarchy_id: "e3c939f9ef4a7fae272e".to_owned(),
        scm_id: "git".to_owned(),
        state: RepositoryState::Available,
        status_message: "Available".to_owned(),
        public: repository.public,
        forkable: true,
        archived: false,
        default_branch: None,
        object_format: None,
        partition: None,
        scope: "REPOSITORY".to_owned(),
        project: RestProject {
            id: 3,
            key: "APP".to_owned(),
            name: "App".to_owned(),
            description: None,
            public: false,
            kind: ProjectType::Normal,
            scope: "PROJECT".to_owned(),
            links: RestSelfLinks::default(),
        },
        links: RestRepositoryLinks::default(),
        properties: EnrichedRepositoryProperties {
            content_hash: repository.content_hash.clone(),
            metadata_hash: "ab".repeat(32),
            default_branch_id: Some("refs/heads/main".to_owned()),
            generation: repository.generation,
            identity: None,
            nonce: None,
            purge: None,
        },
    }
}

pub(super) fn repeat_nonce(mut repository: EnrichedRepository, asked: &hyper::Uri) -> EnrichedRepository {
    let mut parameters = asked.query().unwrap_or_default().split('&');
    repository.properties.nonce =
        parameters.find_map(|parameter| parameter.strip_prefix("nonce=")).map(str::to_owned);
    repository
}

pub(super) fn page(values: Vec<EnrichedRepository>) -> PageOfEnrichedRepository {
    let size = i32::try_from(values.len()).expect("a test has few repositories");
    PageOfEnrichedRepository {
        values,
        size,
        limit: 1_000,
        start: 0,
        is_last_page: true,
        next_page_start: None,
    }
}

pub(super) fn request(state: MirroringRequestState) -> RestMirroringRequest {
    RestMirroringRequest {
        id: 1,
        mirror_id: "B0F5-CS21-45C2-CCK3".to_owned(),
        mirror_name: "near".to_owned(),
        mirror_base_url: "http://mirror.example.com".to_owned(),
        mirror_internal_url: None,
        addon_descriptor_uri: "http://mirror.example.com/descriptor".to_owned(),
        mirror_type: MirrorType::Single,
        product_type: None,
        product_version: None,
        state,
    }
}

pub(super) fn mirror_server() -> RestMirrorServer {
    RestMirrorServer {
        id: "B0F5-CS21-45C2-CCK3".to_owned(),
        name: "near".to_owned(),
        base_url: "http://mirror.example.com".to_owned(),
        enabled: true,
        mirror_type: MirrorType::Single,
        product_type: None,
        product_version: None,
        last_seen_date: Clock::system().now_ms(),
        links: RestSelfLinks::default(),
    }
}

pub(super) fn user(name: &str, permissions: &[&str]) -> RestApplicationUserWithPermissions {
    RestApplicationUserWithPermissions {
        id: 7,
        name: name.to_owned(),
        slug: name.to_owned(),
        display_name: name.to_owned(),
        email_address: None,
        active: true,
        kind: UserType::Normal,
        effective_permissions: BTreeMap::from([("permissions".to_owned(), json!(permissions))]),
        links: RestSelfLinks::default(),
    }
}

pub(super) fn settings() -> RestAnalyticsSettings {
    RestAnalyticsSettings {
        can_collect_analytics: false,
        server_time: Clock::system().now_ms(),
        support_entitlement_number: None,
        runs_twice: None,
        instance: None,
        base_url: None,
        delivery_error: None,
    }
}
