//! PUT /syncSettings/mode: both directions, and the list of projects stays.

use serde_json::json;

use crate::harness::{Attempt, UpstreamByHand};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

#[tokio::test]
async fn behaviour_the_list_is_kept_and_a_mode_that_does_not_exist_changes_nothing() {
    let by_hand = UpstreamByHand::start_installed().await;
    let (client, path) = (by_hand.client(), path_of("/syncSettings/mode"));
    client.put(&path_of("/syncSettings"), &json!({"projectIds": ["7"]})).await.promised(200);
    let mode = client.put(&path, &json!("SELECTED_PROJECTS")).await.promised(200);
    assert_eq!(mode, "SELECTED_PROJECTS");
    for wrong in [json!("selected_projects"), json!(""), json!(1), json!({"mode": "ALL_PROJECTS"})] {
        client.put(&path, &wrong).await.refused(400);
    }
    let settings = by_hand.get("/settings").await.promised(200);
    assert_eq!(settings, json!({"mode": "SELECTED_PROJECTS", "projectIds": ["7"]}));
    assert_eq!(client.put(&path, &json!("ALL_PROJECTS")).await.promised(200), "ALL_PROJECTS");
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_followed_upstream(200, "/syncSettings/mode", |mirror, path| {
        Attempt::put(mirror, path, json!("ALL_PROJECTS"))
    })
    .await;
}
