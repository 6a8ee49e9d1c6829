//! GET /syncSettings/mode: the mode alone, as a JSON string.

use serde_json::json;

use crate::harness::{Attempt, UpstreamByHand};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

#[tokio::test]
async fn behaviour_answers_the_mode_that_was_set() {
    let by_hand = UpstreamByHand::start_installed().await;
    let (client, path) = (by_hand.client(), path_of("/syncSettings/mode"));
    assert_eq!(client.get(&path).await.promised(200), "ALL_PROJECTS");
    client.put(&by_hand.path("/settings/mode"), &json!("SELECTED_PROJECTS")).await.promised(200);
    assert_eq!(client.get(&path).await.promised(200), "SELECTED_PROJECTS");
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_followed_upstream(200, "/syncSettings/mode", Attempt::get).await;
}
