//! Repositories as a hand-made upstream lists them.

use serde_json::{Value, json};

/// The content hash of a repository without references.
pub(super) const HASH_OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A repository of the hand-made upstream, with one commit that cannot be fetched.
pub fn unreachable_repository(id: u32, project: u32) -> Value {
    json!({
        "id": id, "slug": format!("repo-{id}"), "name": format!("Repo {id}"), "public": false,
        "hierarchyId": "e3c939f9ef4a7fae272e", "scmId": "git", "state": "AVAILABLE", "statusMessage": "Available",
        "forkable": true, "archived": false, "scope": "REPOSITORY", "links": {"clone": [], "self": []},
        "project": project_of(&project.to_string()),
        "properties": {
            "contentHash": "ab".repeat(32), "metadataHash": "cd".repeat(32),
            "defaultBranchId": "refs/heads/main", "generation": 1,
        },
    })
}

/// A repository of the hand-made upstream without references: nothing of it has to be fetched.
pub fn repository_of_nothing(id: u32, project: u32) -> Value {
    let mut repository = unreachable_repository(id, project);
    repository["properties"]["contentHash"] = json!(HASH_OF_NOTHING);
    repository["properties"]["generation"] = json!(0);
    repository
}

/// A project of the hand-made upstream.
pub(super) fn project_of(id: &str) -> Value {
    let id: u32 = id.parse().expect("is a number");
    json!({
        "id": id, "key": format!("P{id}"), "name": format!("Project {id}"), "public": false,
        "type": "NORMAL", "scope": "PROJECT", "links": {"self": []},
    })
}
