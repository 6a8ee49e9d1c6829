//! Projects and repositories in the words of the contract: made here for answers, for events and for webhooks alike.
//!
//! Every function takes the base URL that links start with, without a slash at its end.

use heliostat_api::models::{
    EnrichedRepository, EnrichedRepositoryProperties, ObjectFormat, ProjectType,
    RepositoryState as WireState, RestLink, RestNamedLink, RestProject, RestRepository, RestRepositoryLinks,
    RestSelfLinks,
};
use heliostat_storage::{Project, ProjectKind, Repository, RepositoryFormat, RepositoryState};

/// The storage is in one piece.
const PARTITION: i32 = 0;

/// A project.
pub fn project(base: &str, project: &Project) -> RestProject {
    RestProject {
        id: project.id.0,
        key: project.key.clone(),
        name: project.name.clone(),
        description: project.description.clone(),
        public: project.public,
        kind: match project.kind {
            ProjectKind::Normal => ProjectType::Normal,
            ProjectKind::Personal => ProjectType::Personal,
        },
        scope: "PROJECT".to_owned(),
        links: RestSelfLinks { self_links: self_link(format!("{base}/projects/{}", project.key)) },
    }
}

/// A repository.
pub fn repository(base: &str, repository: &Repository) -> RestRepository {
    RestRepository {
        id: repository.id.0,
        slug: repository.slug.clone(),
        name: repository.name.clone(),
        description: repository.description.clone(),
        hierarchy_id: repository.hierarchy_id.clone(),
        scm_id: "git".to_owned(),
        state: state(repository.state),
        status_message: status_message(repository.state).to_owned(),
        public: repository.public,
        forkable: repository.forkable,
        archived: repository.archived,
        default_branch: Some(short_branch(&repository.default_branch).to_owned()),
        object_format: Some(object_format(repository.object_format)),
        partition: Some(PARTITION),
        scope: "REPOSITORY".to_owned(),
        project: project(base, &repository.project),
        links: links(base, &repository.project.key, &repository.slug),
    }
}

/// A repository with what mirrors compare, and with the full name of its default branch if that was asked for.
pub fn enriched_repository(
    base: &str,
    subject: &Repository,
    include_default_branch: bool,
) -> EnrichedRepository {
    let plain = repository(base, subject);
    EnrichedRepository {
        id: plain.id,
        slug: plain.slug,
        name: plain.name,
        description: plain.description,
        hierarchy_id: plain.hierarchy_id,
        scm_id: plain.scm_id,
        state: plain.state,
        status_message: plain.status_message,
        public: plain.public,
        forkable: plain.forkable,
        archived: plain.archived,
        default_branch: plain.default_branch,
        object_format: plain.object_format,
        partition: plain.partition,
        scope: plain.scope,
        project: plain.project,
        links: plain.links,
        properties: EnrichedRepositoryProperties {
            content_hash: subject.content_hash.clone(),
            metadata_hash: subject.metadata_hash.clone(),
            default_branch_id: include_default_branch.then(|| subject.default_branch.clone()),
            generation: subject.generation.0,
            identity: Some(subject.identity.to_string()),
            nonce: None,
            purge: (subject.purge.number > 0).then_some(subject.purge.number),
        },
    }
}

fn links(base: &str, project_key: &str, slug: &str) -> RestRepositoryLinks {
    let clone = format!("{base}/scm/{}/{slug}.git", project_key.to_lowercase());
    RestRepositoryLinks {
        clone: vec![RestNamedLink { name: "http".to_owned(), href: clone }],
        self_links: self_link(format!("{base}/projects/{project_key}/repos/{slug}/browse")),
    }
}

fn self_link(href: String) -> Vec<RestLink> {
    vec![RestLink { href }]
}

/// The name of a branch without the part that all branches share.
fn short_branch(full_name: &str) -> &str {
    full_name.strip_prefix("refs/heads/").unwrap_or(full_name)
}

fn state(state: RepositoryState) -> WireState {
    match state {
        RepositoryState::Available => WireState::Available,
        RepositoryState::Initialising => WireState::Initialising,
        RepositoryState::InitialisationFailed => WireState::InitialisationFailed,
        RepositoryState::Offline => WireState::Offline,
    }
}

fn object_format(format: RepositoryFormat) -> ObjectFormat {
    match format {
        RepositoryFormat::Sha1 => ObjectFormat::Sha1,
        RepositoryFormat::Sha256 => ObjectFormat::Sha256,
    }
}

fn status_message(state: RepositoryState) -> &'static str {
    match state {
        RepositoryState::Available => "Available",
        RepositoryState::Initialising => "Being created",
        RepositoryState::InitialisationFailed => "Could not be created",
        RepositoryState::Offline => "Out of service",
    }
}

#[cfg(test)]
mod tests {
    use heliostat_storage::{Generation, ProjectId, PurgeOrders, RepositoryId};
    use serde_json::json;

    use super::*;

    fn subject() -> Repository {
        Repository {
            id: RepositoryId(24),
            project: Project {
                id: ProjectId(7),
                key: "PRJ".into(),
                name: "My project".into(),
                description: None,
                public: false,
                kind: ProjectKind::Normal,
            },
            slug: "my-repo".into(),
            name: "My repo".into(),
            description: None,
            hierarchy_id: "e3c939f9ef4a7fae272e".into(),
            identity: "0b0f0f5e-3c1d-4a53-9d0e-6b1f1f6f2a5c".into(),
            public: false,
            forkable: true,
            archived: false,
            state: RepositoryState::Available,
            default_branch: "refs/heads/release/1".into(),
            object_format: RepositoryFormat::Sha1,
            generation: Generation(118),
            content_hash: "ab".repeat(32),
            metadata_hash: "cd".repeat(32),
            purge: PurgeOrders::default(),
            created_at: 0,
            updated_at: 0,
        }
    }

    #[test]
    fn an_enriched_repository_carries_what_mirrors_need() {
        let wire = enriched_repository("https://git.example.com/context", &subject(), true);
        let json = serde_json::to_value(wire).expect("plain data");
        assert_eq!(
            json["properties"],
            json!({
                "contentHash": "ab".repeat(32),
                "metadataHash": "cd".repeat(32),
                "defaultBranchId": "refs/heads/release/1",
                "generation": 118,
                "identity": "0b0f0f5e-3c1d-4a53-9d0e-6b1f1f6f2a5c",
            })
        );
        assert_eq!(json["defaultBranch"], "release/1");
        assert_eq!(
            json["links"],
            json!({
                "clone": [{ "name": "http", "href": "https://git.example.com/context/scm/prj/my-repo.git" }],
                "self": [{ "href": "https://git.example.com/context/projects/PRJ/repos/my-repo/browse" }],
            })
        );
        assert_eq!(
            json["project"]["links"],
            json!({ "self": [{ "href": "https://git.example.com/context/projects/PRJ" }] })
        );
    }

    #[test]
    fn the_full_name_of_the_default_branch_is_there_only_when_asked_for() {
        let wire = enriched_repository("https://git.example.com", &subject(), false);
        let json = serde_json::to_value(wire).expect("plain data");
        assert!(json["properties"].get("defaultBranchId").is_none(), "{json}");
    }
}
