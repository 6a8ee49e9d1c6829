//! GET /upstreamServers/{upstreamId}/settings: all projects or selected ones, and which.

use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, UpstreamByHand};

#[tokio::test]
async fn behaviour_a_new_mirror_follows_all_projects() {
    let by_hand = UpstreamByHand::start_installed().await;
    let settings = by_hand.get("/settings").await.promised(200);
    assert_eq!(settings, json!({"mode": "ALL_PROJECTS", "projectIds": []}));

    let wanted = json!({"mode": "SELECTED_PROJECTS", "projectIds": ["7", "8"]});
    by_hand.client().put(&by_hand.path("/settings"), &wanted).await.promised(200);
    assert_eq!(by_hand.get("/settings").await.promised(200), wanted);
    by_hand.client().get("/rest/mirroring/latest/upstreamServers/other/settings").await.refused(404);
}

#[tokio::test]
async fn behaviour_settings_survive_a_restart() {
    let mut by_hand = UpstreamByHand::start_installed().await;
    let wanted = json!({"mode": "SELECTED_PROJECTS", "projectIds": ["7"]});
    by_hand.client().put(&by_hand.path("/settings"), &wanted).await.promised(200);
    by_hand.mirror.restart();
    assert_eq!(by_hand.get("/settings").await.promised(200), wanted);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::and_no_one_else(200, "/settings", Attempt::get).await;
}
