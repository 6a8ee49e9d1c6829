//! GET /supportInfo/refChangesQueue: what waits for a synchronisation, and at which attempt it is.

use serde_json::{Value, json};

use crate::harness::{
    Attempt, ServerOptions, UpstreamByHand, eventually, repository_of_nothing, unreachable_repository,
};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

const PATH: &str = "/supportInfo/refChangesQueue";

async fn queued(by_hand: &UpstreamByHand, id: &str, at_least: i64) -> Value {
    eventually("the repository in the queue", || async {
        let queue = by_hand.client().get(&path_of(PATH)).await.promised(200);
        let found = queue["values"].as_array()?.iter().find(|item| item["externalRepoId"] == id)?.clone();
        (found["attempt"].as_i64()? >= at_least).then_some(found)
    })
    .await
}

#[tokio::test]
async fn behaviour_attempts_are_counted_and_the_first_wish_is_remembered() {
    let by_hand = UpstreamByHand::start_installed().await;
    assert_eq!(by_hand.client().get(&path_of(PATH)).await.promised(200), json!({"values": []}));
    by_hand.announce(&unreachable_repository(24, 7)).await;
    let second = queued(&by_hand, "24", 2).await;
    assert_eq!(second["type"], "snapshot", "nothing of it is here");
    let created = second["createdAt"].as_str().expect("is text");
    assert!(created.len() == 24 && created.contains('T') && created.ends_with("+0000"), "{created}");
    let third = queued(&by_hand, "24", 3).await;
    assert_eq!(third["createdAt"], second["createdAt"], "it has been waiting since the event");
}

#[tokio::test]
async fn behaviour_a_push_is_incremental_and_waits_for_its_worker() {
    let arguments = ["--sync-parallelism", "1"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..ServerOptions::default() };
    let by_hand = UpstreamByHand::start_installed_with(options).await;
    let repositories = [repository_of_nothing(24, 7), repository_of_nothing(31, 7)];
    for repository in &repositories {
        by_hand.announce(repository).await;
        eventually("the empty repository", || async {
            let path = format!("/repos/{}", repository["id"]);
            (by_hand.get(&path).await.promised(200)["available"] == true).then_some(())
        })
        .await;
    }
    by_hand.hold_git();
    for repository in &repositories {
        by_hand.client().post(&by_hand.path("/addon/events"), &push_to(repository)).await.promised(204);
    }
    let waiting = queued(&by_hand, "31", 1).await;
    assert_eq!((&waiting["type"], &waiting["attempt"]), (&json!("incremental"), &json!(1)));
    eventually("the one worker to be at the first push", || async {
        let queue = by_hand.client().get(&path_of(PATH)).await.promised(200);
        (queue["values"] == json!([waiting])).then_some(())
    })
    .await;
}

fn push_to(repository: &Value) -> Value {
    json!({
        "eventKey": "repo:refs_changed", "repository": repository, "generation": 1,
        "contentHash": "ab".repeat(32), "metadataHash": "cd".repeat(32),
        "changes": [{
            "ref": {"id": "refs/heads/main", "displayId": "main", "type": "BRANCH"},
            "refId": "refs/heads/main", "fromHash": "0".repeat(40), "toHash": "1".repeat(40), "type": "ADD",
        }],
    })
}

#[tokio::test]
async fn behaviour_what_is_no_longer_mirrored_does_not_wait() {
    let by_hand = UpstreamByHand::start_installed().await;
    by_hand.announce(&unreachable_repository(24, 7)).await;
    queued(&by_hand, "24", 2).await;
    let nothing = json!({"mode": "SELECTED_PROJECTS", "projectIds": []});
    by_hand.client().put(&path_of("/syncSettings"), &nothing).await.promised(200);
    assert_eq!(by_hand.client().get(&path_of(PATH)).await.promised(200), json!({"values": []}));
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_mirror(200, PATH, Attempt::get).await;
}
