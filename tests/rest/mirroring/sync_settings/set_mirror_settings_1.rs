//! PUT /syncSettings: mode and projects at once; what is left out stays.

use serde_json::json;

use crate::harness::{Attempt, Pair, UpstreamByHand, eventually};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

#[tokio::test]
async fn behaviour_what_leaves_the_selection_is_not_served_from_the_answer_on() {
    let pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let path = path_of("/syncSettings");
    let narrow = json!({"mode": "SELECTED_PROJECTS", "projectIds": []});
    assert_eq!(pair.mirror_admin().put(&path, &narrow).await.promised(200), narrow);
    assert!(pair.available(&repository).await.is_none(), "it is still served");
    pair.mirror_admin().put(&path, &json!({"mode": "ALL_PROJECTS"})).await.promised(200);
    eventually("the repository to come back", || pair.available(&repository)).await;
}

#[tokio::test]
async fn behaviour_what_is_wrong_changes_nothing() {
    let by_hand = UpstreamByHand::start_installed().await;
    let (client, path) = (by_hand.client(), path_of("/syncSettings"));
    let wanted = json!({"mode": "SELECTED_PROJECTS", "projectIds": ["7"]});
    client.put(&path, &wanted).await.promised(200);
    assert_eq!(client.put(&path, &json!({})).await.promised(200), wanted);
    let error = client.put(&path, &json!({"mode": "NO_PROJECTS", "projectIds": []})).await.refused(400);
    assert_eq!(error["context"], "mode");
    client.put(&path, &json!({"projectIds": ["x"]})).await.refused(400);
    assert_eq!(by_hand.get("/settings").await.promised(200), wanted);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_followed_upstream(200, "/syncSettings", |mirror, path| {
        Attempt::put(mirror, path, json!({}))
    })
    .await;
}
