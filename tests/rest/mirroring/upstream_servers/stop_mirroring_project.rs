//! DELETE /upstreamServers/{upstreamId}/settings/projects/{projectId}: takes one project off the selection.

use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, Pair, UpstreamByHand};

#[tokio::test]
async fn behaviour_the_project_is_not_served_from_the_answer_on() {
    let pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(false).await;
    let project = repository["project"]["id"].to_string();
    let settings = json!({"mode": "SELECTED_PROJECTS", "projectIds": [project]});
    pair.mirror_admin().put(&pair.mirror_path("/settings").await, &settings).await.promised(200);
    pair.mirrored(&repository).await;
    let path = pair.mirror_path(&format!("/settings/projects/{project}")).await;
    pair.mirror_admin().delete(&path).await.promised(204);
    assert!(pair.available(&repository).await.is_none(), "it is still served");
    let selected = pair.mirror_admin().get(&pair.mirror_path("/settings/projects").await).await.promised(200);
    assert_eq!(selected, json!([]));
}

#[tokio::test]
async fn behaviour_others_stay_selected() {
    let by_hand = UpstreamByHand::start_installed().await;
    let client = by_hand.client();
    client.post(&by_hand.path("/settings/projects"), &json!(["7", "12"])).await.promised(200);
    client.delete(&by_hand.path("/settings/projects/7")).await.promised(204);
    client.delete(&by_hand.path("/settings/projects/7")).await.promised(204);
    assert_eq!(by_hand.get("/settings/projects").await.promised(200), json!(["12"]));
    client.delete("/rest/mirroring/latest/upstreamServers/other/settings/projects/12").await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::and_no_one_else(204, "/settings/projects/99999", Attempt::delete).await;
}
