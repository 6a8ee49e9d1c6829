//! Repositories on the wire: plain, and enriched with what mirrors compare.

use heliostat_api::models::{
    EnrichedRepository, EnrichedRepositoryProperties, RepositoryState as WireState, RestRepository,
    RestRepositoryLinks,
};
use heliostat_storage::{Repository, RepositoryState};

use super::UpstreamWire;
use super::links::{http_links, self_link};

/// The storage is in one piece.
const PARTITION: i32 = 0;

impl UpstreamWire {
    /// A repository.
    pub fn repository(&self, repository: &Repository) -> RestRepository {
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
            partition: Some(PARTITION),
            scope: "REPOSITORY".to_owned(),
            project: self.project(&repository.project),
            links: self.links_of_repository(repository),
        }
    }

    /// A repository with what mirrors compare, and with the full name of its default branch if that was asked for.
    pub fn enriched_repository(
        &self,
        repository: &Repository,
        include_default_branch: bool,
    ) -> EnrichedRepository {
        let plain = self.repository(repository);
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
            partition: plain.partition,
            scope: plain.scope,
            project: plain.project,
            links: plain.links,
            properties: EnrichedRepositoryProperties {
                content_hash: repository.content_hash.clone(),
                metadata_hash: repository.metadata_hash.clone(),
                default_branch_id: include_default_branch.then(|| repository.default_branch.clone()),
                generation: repository.generation.0,
            },
        }
    }

    fn links_of_repository(&self, repository: &Repository) -> RestRepositoryLinks {
        let (key, slug) = (&repository.project.key, &repository.slug);
        RestRepositoryLinks {
            clone: http_links(self.base(), key, slug),
            self_links: self_link(format!("{}/projects/{key}/repos/{slug}/browse", self.base())),
        }
    }
}

/// The name of a branch without the part that all branches share.
pub fn short_branch(full_name: &str) -> &str {
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
    use heliostat_storage::{Generation, Project, ProjectId, ProjectKind, RepositoryId};
    use serde_json::json;
    use url::Url;

    use super::*;

    fn repository() -> Repository {
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
            public: false,
            forkable: true,
            archived: false,
            state: RepositoryState::Available,
            default_branch: "refs/heads/release/1".into(),
            generation: Generation(118),
            content_hash: "ab".repeat(32),
            metadata_hash: "cd".repeat(32),
            created_at: 0,
            updated_at: 0,
        }
    }

    #[test]
    fn an_enriched_repository_carries_what_mirrors_need() {
        let base_url = Url::parse("https://git.example.com/context/").expect("a valid URL");
        let wire = UpstreamWire::new(&base_url, "Heliostat");
        let json = serde_json::to_value(wire.enriched_repository(&repository(), true)).expect("plain data");
        assert_eq!(
            json["properties"],
            json!({
                "contentHash": "ab".repeat(32),
                "metadataHash": "cd".repeat(32),
                "defaultBranchId": "refs/heads/release/1",
                "generation": 118,
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
        let wire =
            UpstreamWire::new(&Url::parse("https://git.example.com").expect("a valid URL"), "Heliostat");
        let json = serde_json::to_value(wire.enriched_repository(&repository(), false)).expect("plain data");
        assert!(json["properties"].get("defaultBranchId").is_none(), "{json}");
    }
}
