//! GET /upstreamServers/{upstreamId}/settings/projects: the ids of the selected projects.

use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, UpstreamByHand};

#[tokio::test]
async fn behaviour_lists_the_selected_projects_as_text() {
    let by_hand = UpstreamByHand::start_installed().await;
    assert_eq!(by_hand.get("/settings/projects").await.promised(200), json!([]));
    let wanted = json!({"projectIds": ["7"]});
    by_hand.client().put(&by_hand.path("/settings"), &wanted).await.promised(200);
    assert_eq!(by_hand.get("/settings/projects").await.promised(200), json!(["7"]));
    by_hand.client().get("/rest/mirroring/latest/upstreamServers/other/settings/projects").await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::and_no_one_else(200, "/settings/projects", Attempt::get).await;
}
