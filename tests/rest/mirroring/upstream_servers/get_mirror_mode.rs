//! GET /upstreamServers/{upstreamId}/settings/mode: the mode alone, as a JSON string.

use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, UpstreamByHand};

#[tokio::test]
async fn behaviour_is_a_json_string_that_follows_the_settings() {
    let by_hand = UpstreamByHand::start_installed().await;
    assert_eq!(by_hand.get("/settings/mode").await.promised(200), json!("ALL_PROJECTS"));
    let wanted = json!({"mode": "SELECTED_PROJECTS"});
    by_hand.client().put(&by_hand.path("/settings"), &wanted).await.promised(200);
    assert_eq!(by_hand.get("/settings/mode").await.promised(200), json!("SELECTED_PROJECTS"));
    by_hand.client().get("/rest/mirroring/latest/upstreamServers/other/settings/mode").await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::and_no_one_else(200, "/settings/mode", Attempt::get).await;
}
