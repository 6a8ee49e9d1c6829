//! DELETE /syncSettings/projects/{projectId}: takes one project off the selection.

use serde_json::json;

use crate::harness::{Attempt, UpstreamByHand};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

#[tokio::test]
async fn behaviour_others_stay_selected() {
    let by_hand = UpstreamByHand::start_installed().await;
    let client = by_hand.client();
    client.post(&path_of("/syncSettings/projects"), &json!(["7", "12"])).await.promised(200);
    client.delete(&path_of("/syncSettings/projects/7")).await.promised(204);
    client.delete(&path_of("/syncSettings/projects/7")).await.promised(204);
    client.delete(&path_of("/syncSettings/projects/x")).await.refused(400);
    assert_eq!(by_hand.get("/settings/projects").await.promised(200), json!(["12"]));
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_followed_upstream(204, "/syncSettings/projects/99999", Attempt::delete).await;
}
