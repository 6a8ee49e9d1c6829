//! The bodies of events as mirrors receive them.
//!
//! They have the shape of the well-known webhooks, with `generation`, `contentHash` and `metadataHash` added
//! at the top, and the repository in the enriched form that `GET /repos` shows.

use heliostat_auth::UserIdentity;
use heliostat_git::{RefChange, RefName};
use heliostat_storage::{Audience, Generation, NewEvent, Project, Repository, RepositoryId};
use serde_json::{Value, json};
use url::Url;

use super::date::event_date;
use super::metadata_hash::metadata_hash;

/// Event of changed refs; the only one that is coalesced.
pub const REFS_CHANGED: &str = "repo:refs_changed";
/// Event of a new repository.
pub const REPOSITORY_CREATED: &str = "repo:created";
/// Event of changed metadata.
pub const REPOSITORY_MODIFIED: &str = "repo:modified";
/// Event of a removed repository.
pub const REPOSITORY_DELETED: &str = "repo:deleted";
/// Event of another default branch.
pub const DEFAULT_BRANCH_MODIFIED: &str = "repo:default_branch_modified";
/// Event of a new project.
pub const PROJECT_CREATED: &str = "project:created";
/// Event of a changed project.
pub const PROJECT_MODIFIED: &str = "project:modified";
/// Event of a removed project.
pub const PROJECT_DELETED: &str = "project:deleted";
/// Our own: what mirrors know of the permissions of a user, or of all, is no longer true.
const PERMISSIONS_CHANGED: &str = "heliostat:permissions_changed";

/// An event that names more changes than this carries none, and the mirror compares the whole ref set.
pub const MAX_CHANGES_PER_EVENT: usize = 1_000;

/// Who did it, when, and under which base URL: what all events of one request have in common.
#[derive(Clone, Copy)]
pub struct EventContext<'a> {
    /// What clients and mirrors see.
    pub base_url: &'a Url,
    /// Epoch milliseconds.
    pub now_ms: i64,
    /// The user who did it, if it was one.
    pub actor: Option<&'a UserIdentity>,
}

impl EventContext<'_> {
    /// Refs of `repository`, given in its state after the change, have changed since generation `from`.
    pub fn refs_changed(&self, repository: &Repository, from: Generation, changes: &[RefChange]) -> NewEvent {
        let mut body = self.repository_body(REFS_CHANGED, repository);
        let exceeded = changes.len() > MAX_CHANGES_PER_EVENT;
        let listed = if exceeded { &[] } else { changes };
        body["fromGeneration"] = json!(from);
        body["changes"] = Value::Array(wire_changes(listed.iter().cloned()));
        if exceeded {
            body["refLimitExceeded"] = json!(true);
        }
        self.event(REFS_CHANGED, Some(repository.id), body)
    }

    /// Refs of `repository` have changed since generation `from`, but it is not known which, or they are too
    /// many to name.
    pub fn some_refs_changed(&self, repository: &Repository, from: Generation) -> NewEvent {
        let mut event = self.refs_changed(repository, from, &[]);
        event.body["refLimitExceeded"] = json!(true);
        event
    }

    /// Something else happened to a repository, given in its state after it.
    pub fn repository(&self, event_key: &str, repository: &Repository) -> NewEvent {
        self.event(event_key, Some(repository.id), self.repository_body(event_key, repository))
    }

    /// Something happened to a project, given in its state after it.
    pub fn project(&self, event_key: &str, subject: &Project) -> NewEvent {
        let mut body = self.body(event_key);
        body["project"] = project(self.base_url, subject);
        self.event(event_key, None, body)
    }

    /// What a user may do has changed; `None` when it may concern any user.
    pub fn permissions_changed(&self, user: Option<&str>) -> NewEvent {
        let mut body = self.body(PERMISSIONS_CHANGED);
        body["user"] = json!(user);
        self.event(PERMISSIONS_CHANGED, None, body)
    }

    fn event(&self, event_key: &str, repository_id: Option<RepositoryId>, body: Value) -> NewEvent {
        let audience = Audience::Mirrors;
        NewEvent { audience, event_key: event_key.to_owned(), repository_id, body, created_at: self.now_ms }
    }

    fn repository_body(&self, event_key: &str, subject: &Repository) -> Value {
        let mut body = self.body(event_key);
        let metadata_hash = metadata_hash(subject);
        body["generation"] = json!(subject.generation);
        body["contentHash"] = json!(subject.content_hash);
        body["metadataHash"] = json!(metadata_hash);
        body["repository"] = repository(self.base_url, subject, &metadata_hash);
        body
    }

    /// A repository as events show it.
    pub fn repository_wire(&self, subject: &Repository) -> Value {
        repository(self.base_url, subject, &subject.metadata_hash)
    }

    /// What the bodies of all events have in common.
    pub fn body(&self, event_key: &str) -> Value {
        let mut body = json!({ "eventKey": event_key, "date": event_date(self.now_ms) });
        if let Some(actor) = self.actor {
            body["actor"] = json!({
                "id": actor.id,
                "name": actor.name,
                "slug": actor.slug,
                "displayName": actor.display_name,
                "active": true,
                "type": "NORMAL",
            });
        }
        body
    }
}

fn repository(base_url: &Url, repository: &Repository, metadata_hash: &str) -> Value {
    let base = base_url.as_str().trim_end_matches('/');
    let (key, slug) = (&repository.project.key, &repository.slug);
    let mut wire = json!({
        "id": repository.id,
        "slug": slug,
        "name": repository.name,
        "hierarchyId": repository.hierarchy_id,
        "scmId": "git",
        "state": repository.state,
        "statusMessage": "Available",
        "forkable": repository.forkable,
        "public": repository.public,
        "archived": repository.archived,
        "scope": "REPOSITORY",
        "project": project(base_url, &repository.project),
        "properties": {
            "contentHash": repository.content_hash,
            "metadataHash": metadata_hash,
            "defaultBranchId": repository.default_branch,
            "generation": repository.generation,
        },
        "links": {
            "self": [{ "href": format!("{base}/projects/{key}/repos/{slug}/browse") }],
            "clone": [{ "name": "http", "href": format!("{base}{}", clone_path(key, slug)) }],
        },
    });
    if let Some(description) = &repository.description {
        wire["description"] = json!(description);
    }
    wire
}

fn project(base_url: &Url, project: &Project) -> Value {
    let base = base_url.as_str().trim_end_matches('/');
    let mut wire = json!({
        "id": project.id,
        "key": project.key,
        "name": project.name,
        "public": project.public,
        "type": project.kind,
        "scope": "PROJECT",
        "links": { "self": [{ "href": format!("{base}/projects/{}", project.key) }] },
    });
    if let Some(description) = &project.description {
        wire["description"] = json!(description);
    }
    wire
}

/// Path of a repository for git, below the base URL.
fn clone_path(project_key: &str, slug: &str) -> String {
    format!("/scm/{}/{slug}.git", project_key.to_lowercase())
}

/// Changed refs as events show them.
pub fn wire_changes(changes: impl IntoIterator<Item = RefChange>) -> Vec<Value> {
    changes.into_iter().map(|changed| change(&changed)).collect()
}

fn change(change: &RefChange) -> Value {
    json!({
        "ref": { "id": change.name, "displayId": change.name.short(), "type": ref_type(&change.name) },
        "refId": change.name,
        "fromHash": change.from,
        "toHash": change.to,
        "type": change.kind(),
    })
}

fn ref_type(name: &RefName) -> &'static str {
    if name.is_tag() { "TAG" } else { "BRANCH" }
}

#[cfg(test)]
mod tests {
    use heliostat_git::ObjectId;

    use super::*;
    use crate::fixture;

    fn base_url() -> Url {
        Url::parse("https://git.example.com/bitbucket/").expect("a valid URL")
    }

    fn changes(count: usize) -> Vec<RefChange> {
        let object = ObjectId::parse("1".repeat(40)).expect("hex digits");
        (0..count)
            .map(|number| RefChange {
                name: RefName::parse(format!("refs/heads/b{number}")).expect("a valid name"),
                from: ObjectId::zero(object.format()),
                to: object.clone(),
            })
            .collect()
    }

    #[test]
    fn a_push_carries_what_a_mirror_needs() {
        let url = base_url();
        let context = EventContext { base_url: &url, now_ms: 1_795_342_500_000, actor: None };
        let event = context.refs_changed(&fixture::repository(), Generation(6), &changes(1));
        assert_eq!(event.repository_id, Some(fixture::repository().id));
        let body = event.body;
        assert_eq!(body["eventKey"], "repo:refs_changed");
        assert_eq!(body["date"], "2026-11-22T10:15:00+0000");
        assert_eq!((&body["fromGeneration"], &body["generation"]), (&json!(6), &json!(7)));
        assert_eq!(body["contentHash"], body["repository"]["properties"]["contentHash"]);
        assert_eq!(body["repository"]["id"], 42);
        assert_eq!(body["repository"]["project"]["key"], "APP");
        assert_eq!(
            body["repository"]["links"]["clone"][0]["href"],
            "https://git.example.com/bitbucket/scm/app/engine.git"
        );
        assert_eq!(
            body["changes"],
            json!([{
                "ref": { "id": "refs/heads/b0", "displayId": "b0", "type": "BRANCH" },
                "refId": "refs/heads/b0",
                "fromHash": "0".repeat(40),
                "toHash": "1".repeat(40),
                "type": "ADD",
            }])
        );
    }

    #[test]
    fn too_many_changes_are_left_out() {
        let url = base_url();
        let context = EventContext { base_url: &url, now_ms: 0, actor: None };
        let event =
            context.refs_changed(&fixture::repository(), Generation(6), &changes(MAX_CHANGES_PER_EVENT + 1));
        assert_eq!(event.body["changes"], json!([]));
        assert_eq!(event.body["refLimitExceeded"], json!(true));
    }
}
