//! GET /syncSettings/projects: the ids of the selected projects.

use serde_json::json;

use crate::harness::{Attempt, UpstreamByHand};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

#[tokio::test]
async fn behaviour_lists_the_selected_projects_as_text() {
    let by_hand = UpstreamByHand::start_installed().await;
    let (client, path) = (by_hand.client(), path_of("/syncSettings/projects"));
    assert_eq!(client.get(&path).await.promised(200), json!([]));
    client.put(&by_hand.path("/settings"), &json!({"projectIds": ["7"]})).await.promised(200);
    assert_eq!(client.get(&path).await.promised(200), json!(["7"]));
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_followed_upstream(200, "/syncSettings/projects", Attempt::get).await;
}
