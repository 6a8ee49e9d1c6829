//! GET /syncSettings: all projects or selected ones, and which.

use serde_json::json;

use crate::harness::{Attempt, UpstreamByHand};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

#[tokio::test]
async fn behaviour_answers_what_was_set_by_either_path() {
    let by_hand = UpstreamByHand::start_installed().await;
    let settings = by_hand.client().get(&path_of("/syncSettings")).await.promised(200);
    assert_eq!(settings, json!({"mode": "ALL_PROJECTS", "projectIds": []}));
    let wanted = json!({"mode": "SELECTED_PROJECTS", "projectIds": ["7", "8"]});
    by_hand.client().put(&by_hand.path("/settings"), &wanted).await.promised(200);
    assert_eq!(by_hand.client().get(&path_of("/syncSettings")).await.promised(200), wanted);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_followed_upstream(200, "/syncSettings", Attempt::get).await;
}
