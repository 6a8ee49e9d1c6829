//! One value that changes whenever what the server knows about a repository changes.

use heliostat_storage::Repository;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What goes into the hash. Fields are written in the order of their names, which makes the JSON canonical.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    archived: bool,
    default_branch: &'a str,
    description: &'a str,
    forkable: bool,
    name: &'a str,
    project: ProjectMetadata<'a>,
    public: bool,
    slug: &'a str,
    state: &'a str,
}

#[derive(Serialize)]
struct ProjectMetadata<'a> {
    key: &'a str,
    name: &'a str,
    public: bool,
}

/// SHA-256, in hex, over the canonical JSON of a repository's metadata.
pub fn metadata_hash(repository: &Repository) -> String {
    let project = &repository.project;
    let metadata = Metadata {
        archived: repository.archived,
        default_branch: &repository.default_branch,
        description: repository.description.as_deref().unwrap_or_default(),
        forkable: repository.forkable,
        name: &repository.name,
        project: ProjectMetadata { key: &project.key, name: &project.name, public: project.public },
        public: repository.public,
        slug: &repository.slug,
        state: repository.state.as_str(),
    };
    let json = serde_json::to_vec(&metadata).expect("strings and booleans always serialise");
    hex::encode(Sha256::digest(json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_hash_covers_exactly_the_metadata() {
        let repository = fixture::repository();
        let hash = metadata_hash(&repository);
        assert_eq!(hash.len(), 64);

        let changes: [fn(&mut Repository); 10] = [
            |repository| repository.archived = true,
            |repository| repository.default_branch = "refs/heads/next".into(),
            |repository| repository.description = Some("other".into()),
            |repository| repository.forkable = !repository.forkable,
            |repository| repository.name = "Other".into(),
            |repository| repository.slug = "other".into(),
            |repository| repository.public = !repository.public,
            |repository| repository.state = heliostat_storage::RepositoryState::Offline,
            |repository| repository.project.key = "OTHER".into(),
            |repository| repository.project.public = !repository.project.public,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut changed = repository.clone();
            change(&mut changed);
            assert_ne!(metadata_hash(&changed), hash, "change {number}");
        }

        let mut pushed = repository;
        pushed.generation = pushed.generation.next();
        pushed.content_hash = "ff".repeat(32);
        pushed.updated_at += 1;
        assert_eq!(metadata_hash(&pushed), hash, "a push changes no metadata");
    }

    #[test]
    fn the_canonical_json_is_fixed() {
        // Recompute with: printf '%s' '<json>' | sha256sum
        let json = concat!(
            r#"{"archived":false,"defaultBranch":"refs/heads/main","description":"","forkable":true,"#,
            r#""name":"Engine","project":{"key":"APP","name":"App","public":false},"public":false,"#,
            r#""slug":"engine","state":"AVAILABLE"}"#
        );
        assert_eq!(metadata_hash(&fixture::repository()), hex::encode(Sha256::digest(json.as_bytes())));
    }
}
