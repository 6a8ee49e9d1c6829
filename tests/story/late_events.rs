//! An event that comes late, about a repository that had the id before or after the one that a mirror has, changes nothing:
//! what the upstream has now decides. One that comes after a comparison has missed the repository is no loss, and one that
//! tells of a former name or visibility brings neither back.

use serde_json::{Value, json};

use crate::harness::{UpstreamByHand, eventually, repository_of_nothing, unreachable_repository};

const ID: u32 = 5;

/// A repository with the same id, the same name and an identity of its own.
fn repository(identity: &str) -> Value {
    let mut repository = unreachable_repository(ID, 3);
    repository["properties"]["identity"] = json!(identity);
    repository
}

async fn post(pair: &UpstreamByHand, event: Value) {
    pair.client().post(&pair.path("/addon/events"), &event).await.promised(204);
}

async fn held_back(pair: &UpstreamByHand) -> Vec<Value> {
    let administrator = pair.mirror.client(&pair.user());
    let held = administrator.get(&pair.path("/heldBack")).await.promised(200);
    held["repositories"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn an_event_about_another_repository_with_the_id_holds_nothing_until_the_upstream_says_so() {
    let pair = UpstreamByHand::start_installed().await;
    let [ours, other] = ["ours", "another"].map(repository);
    pair.announce(&ours).await;
    for event in ["repo:deleted", "repo:modified", "repo:refs_changed"] {
        post(&pair, json!({"eventKey": event, "repository": other})).await;
        assert_eq!(held_back(&pair).await, Vec::<Value>::new(), "after {event}");
    }
    let asked =
        || pair.received().into_iter().filter(|request| request.path.contains(&format!("/repos/{ID}?")));
    assert!(asked().count() >= 3, "the upstream is asked what it has");

    pair.replace_repository(other.clone());
    post(&pair, json!({"eventKey": "repo:modified", "repository": other})).await;
    eventually("the repository to be held", || async {
        let held = held_back(&pair).await.pop()?;
        (held["reason"] == "REPLACED").then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_a_comparison_misses_is_held_after_a_second_look_and_gone_when_an_event_says_so() {
    let pair = UpstreamByHand::start_installed().await;
    let repository = repository_of_nothing(ID, 3);
    pair.announce(&repository).await;
    let path = format!("/repos/{ID}");
    eventually("the mirror to have it", || async {
        let found = pair.get(&path).await;
        (found.status == 200 && found.json()["available"] == true).then_some(())
    })
    .await;
    assert_eq!(held_back(&pair).await, Vec::<Value>::new());
    let looks = || pair.received().into_iter().filter(|request| request.path.contains(&path)).count();
    let before = looks();
    pair.lose_repository(ID);
    // Another selection is compared at once; from one comparison to the next there are minutes.
    let settings = json!({"mode": "SELECTED_PROJECTS", "projectIds": ["3"]});
    pair.client().put("/rest/mirroring/latest/syncSettings", &settings).await.promised(200);
    eventually("the repository to be held", || async {
        let held = held_back(&pair).await.pop()?;
        (held["reason"] == "MISSING").then_some(())
    })
    .await;
    assert!(looks() >= before + 2, "it is asked for once more");
    eventually("the loss in the log", || async {
        pair.mirror.log().contains("the upstream has lost what this mirror has").then_some(())
    })
    .await;
    post(&pair, json!({"eventKey": "repo:deleted", "repository": repository})).await;
    assert_eq!(held_back(&pair).await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_event_that_is_repeated_after_a_deletion_brings_nothing_back_unless_the_upstream_has_it() {
    let pair = UpstreamByHand::start_installed().await;
    let mut repository = repository_of_nothing(ID, 3);
    repository["properties"]["identity"] = json!("ours");
    let path = format!("/repos/{ID}");
    let mirrored = || {
        eventually("the mirror to have it", || async {
            let found = pair.get(&path).await;
            (found.status == 200 && found.json()["available"] == true).then_some(())
        })
    };
    pair.announce(&repository).await;
    mirrored().await;
    pair.lose_repository(ID);
    post(&pair, json!({"eventKey": "repo:deleted", "repository": repository})).await;
    for event in ["repo:created", "repo:modified", "repo:refs_changed"] {
        post(&pair, json!({"eventKey": event, "repository": repository})).await;
        assert_eq!(pair.get(&path).await.status, 404, "after {event}");
    }
    assert_eq!(held_back(&pair).await, Vec::<Value>::new());
    pair.announce(&repository).await;
    mirrored().await;
    eventually("what was in the trash to be taken", || async {
        pair.mirror.log().contains("took a repository that is wanted again out of the trash").then_some(())
    })
    .await;
}

/// Public, without references.
fn public_repository(slug: &str) -> Value {
    let mut repository = repository_of_nothing(ID, 3);
    repository["properties"]["identity"] = json!("ours");
    (repository["slug"], repository["public"]) = (json!(slug), json!(true));
    repository
}

/// The same, with another name, for those alone who may see it.
fn renamed_and_closed(repository: &Value) -> Value {
    let mut renamed = repository.clone();
    (renamed["slug"], renamed["public"]) = (json!("renamed"), json!(false));
    renamed["properties"]["metadataHash"] = json!("ef".repeat(32));
    renamed
}

/// Who finds a repository there: everybody, and an administrator.
async fn finds(pair: &UpstreamByHand, slug: &str) -> (bool, bool) {
    let path = format!("/scm/P3/{slug}.git/info/refs?service=git-upload-pack");
    let everybody = pair.mirror.anonymous().get(&path).await.status;
    let administrator = pair.mirror.client(&pair.user()).get(&path).await.status;
    (everybody == 200, administrator == 200)
}

async fn until(pair: &UpstreamByHand, slug: &str, finds_it: (bool, bool)) {
    eventually(&format!("{slug} to be found by {finds_it:?}"), || async {
        (finds(pair, slug).await == finds_it).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_late_event_neither_renames_a_repository_back_nor_opens_it_again() {
    let pair = UpstreamByHand::start_installed().await;
    let before = public_repository("first");
    pair.announce(&before).await;
    until(&pair, "first", (true, true)).await;
    let after = renamed_and_closed(&before);
    pair.replace_repository(after.clone());
    post(&pair, json!({"eventKey": "repo:modified", "repository": after})).await;
    assert_eq!(finds(&pair, "first").await, (false, false));
    until(&pair, "renamed", (false, true)).await;

    let keys = ["repo:created", "repo:modified", "repo:default_branch_modified", "repo:refs_changed"];
    let mut events: Vec<Value> =
        keys.iter().map(|key| json!({"eventKey": key, "repository": before})).collect();
    let mut project = before["project"].clone();
    (project["key"], project["public"]) = (json!("FORMER"), json!(true));
    events.push(json!({"eventKey": "project:modified", "project": project}));
    for event in events {
        post(&pair, event.clone()).await;
        assert_eq!(finds(&pair, "first").await, (false, false), "after {event}");
        assert_eq!(finds(&pair, "renamed").await, (false, true), "after {event}");
    }
}

#[tokio::test]
async fn while_the_upstream_does_not_answer_an_event_closes_what_it_closes_and_opens_nothing() {
    let pair = UpstreamByHand::start_installed().await;
    let open = public_repository("first");
    pair.announce(&open).await;
    until(&pair, "first", (true, true)).await;
    let mut closed = open.clone();
    closed["public"] = json!(false);
    pair.set_away(true);
    post(&pair, json!({"eventKey": "repo:modified", "repository": closed})).await;
    let is_open_to_all = async || finds(&pair, "first").await.0;
    assert!(!is_open_to_all().await);
    post(&pair, json!({"eventKey": "repo:modified", "repository": open})).await;
    assert!(!is_open_to_all().await, "it may be late");
    pair.set_away(false);
    until(&pair, "first", (true, true)).await;
}

#[tokio::test]
async fn an_event_of_a_repository_that_the_upstream_does_not_have_brings_none() {
    let pair = UpstreamByHand::start_installed().await;
    for event in ["repo:created", "repo:modified", "repo:refs_changed"] {
        post(&pair, json!({"eventKey": event, "repository": public_repository("first")})).await;
        assert_eq!(pair.get(&format!("/repos/{ID}")).await.status, 404, "after {event}");
    }
}

#[tokio::test]
async fn word_of_a_deletion_that_is_late_ends_nothing_that_the_upstream_has() {
    let pair = UpstreamByHand::start_installed().await;
    let repository = public_repository("first");
    pair.announce(&repository).await;
    until(&pair, "first", (true, true)).await;
    let deleted = json!({"eventKey": "repo:deleted", "repository": repository});
    post(&pair, deleted.clone()).await;
    assert_eq!(finds(&pair, "first").await, (true, true));
    pair.lose_repository(ID);
    post(&pair, deleted).await;
    assert_eq!(finds(&pair, "first").await, (false, false));
}
