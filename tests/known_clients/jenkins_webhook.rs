//! The receiving end of a Jenkins plugin: what it reads of an event of changed refs before it starts a job.
//!
//! It takes an event as one of its server only if the repository's self link starts with the server's base URL, finds
//! the jobs by project key and slug, and starts one for each change that is not a deletion. The actor is optional.
//! Mirrors receive the same bodies as events, and one of them is read here.

use serde::Deserialize;
use serde_json::Value;

use super::reading::{ReadSelfLinks, fields_it_cannot_do_without, read};
use crate::harness::{JoinedByHand, eventually, git, shared_joined_by_hand};

#[derive(Debug, Deserialize)]
struct RefsChanged {
    #[serde(rename = "date")]
    _date: String,
    repository: Repository,
    changes: Vec<Change>,
    #[serde(default)]
    actor: Option<Actor>,
}

#[derive(Debug, Deserialize)]
struct Repository {
    slug: String,
    project: Project,
    links: ReadSelfLinks,
}

#[derive(Debug, Deserialize)]
struct Project {
    key: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    #[serde(rename = "ref")]
    reference: Reference,
    ref_id: String,
    from_hash: String,
    to_hash: String,
    #[serde(rename = "type")]
    kind: ChangeKind,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    id: String,
    display_id: String,
    #[serde(rename = "type")]
    kind: ReferenceKind,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum ChangeKind {
    Add,
    Update,
    Delete,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum ReferenceKind {
    Branch,
    Tag,
}

#[derive(Debug, Deserialize)]
struct Actor {
    name: String,
}

/// The short names of the branches that jobs are started for, if the event is one of the server with this base URL.
fn builds(server: &str, event: &RefsChanged) -> Option<Vec<String>> {
    let itself = &event.repository.links.itself.first()?.href;
    if !itself.starts_with(server) {
        return None;
    }
    let built = event
        .changes
        .iter()
        .filter(|change| change.kind != ChangeKind::Delete && change.reference.kind == ReferenceKind::Branch);
    Some(built.map(|change| change.reference.display_id.clone()).collect())
}

/// The newest event of changed refs of a repository that names a branch.
async fn event_about(joined: &JoinedByHand, repository: &Value, branch: &str) -> Value {
    let reference = format!("refs/heads/{branch}");
    eventually("the event", || async {
        let bodies = joined.mirror.received();
        bodies.into_iter().rev().find(|body| {
            let changes = body["changes"].as_array();
            body["repository"]["id"] == repository["id"]
                && changes.is_some_and(|all| all.iter().any(|change| change["refId"] == reference.as_str()))
        })
    })
    .await
}

#[tokio::test]
async fn a_push_starts_the_jobs_of_its_branches_and_a_deletion_none() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let first = git(checkout.path(), &["rev-parse", "HEAD"]);
    let body = event_about(joined, &repository, "main").await;
    let event: RefsChanged = read(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
    assert_eq!(repository["slug"], event.repository.slug.as_str());
    assert_eq!(repository["project"]["key"], event.repository.project.key.as_str());
    assert_eq!(builds(upstream.base(), &event), Some(vec!["main".to_owned()]));
    assert_eq!(builds("https://elsewhere.example.com", &event), None);
    assert_eq!(event.actor.expect("a user pushed").name, "admin");
    let change = &event.changes[0];
    assert_eq!(
        (change.ref_id.as_str(), change.reference.id.as_str()),
        ("refs/heads/main", "refs/heads/main")
    );
    assert_eq!((&change.kind, change.from_hash.as_str()), (&ChangeKind::Add, "0".repeat(40).as_str()));
    assert_eq!(change.to_hash, first);

    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/gone"]);
    event_about(joined, &repository, "gone").await;
    checkout.push(&upstream.admin_url(&repository), &[":refs/heads/gone"]);
    eventually("the deletion", || async {
        let body = event_about(joined, &repository, "gone").await;
        let event: RefsChanged = read(&body).expect("an event");
        (builds(upstream.base(), &event)?.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_reader_gets_every_field_that_it_requires() {
    let joined = shared_joined_by_hand().await;
    let (repository, _) = joined.upstream.pushed_repository(false).await;
    let body = event_about(joined, &repository, "main").await;
    assert_eq!(fields_it_cannot_do_without::<RefsChanged>(&body), ["changes", "date", "repository"]);
    let required = fields_it_cannot_do_without::<Repository>(&body["repository"]);
    assert_eq!(required, ["links", "project", "slug"]);
    let required = fields_it_cannot_do_without::<Change>(&body["changes"][0]);
    assert_eq!(required, ["fromHash", "ref", "refId", "toHash", "type"]);
}
