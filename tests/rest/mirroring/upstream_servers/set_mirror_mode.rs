//! PUT /upstreamServers/{upstreamId}/settings/mode: both directions, at any time, and the list of projects stays.

use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, Pair, UpstreamByHand, eventually};

#[tokio::test]
async fn behaviour_selecting_nothing_serves_nothing_and_everything_comes_back() {
    let pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let path = pair.mirror_path("/settings/mode").await;
    let mode = pair.mirror_admin().put(&path, &json!("SELECTED_PROJECTS")).await.promised(200);
    assert_eq!(mode, "SELECTED_PROJECTS");
    assert!(pair.available(&repository).await.is_none(), "it is still served");
    pair.mirror_admin().put(&path, &json!("ALL_PROJECTS")).await.promised(200);
    eventually("the repository to come back", || pair.available(&repository)).await;
}

#[tokio::test]
async fn behaviour_the_list_is_kept_and_a_mode_that_does_not_exist_changes_nothing() {
    let by_hand = UpstreamByHand::start_installed().await;
    let (client, path) = (by_hand.client(), by_hand.path("/settings/mode"));
    client.put(&by_hand.path("/settings"), &json!({"projectIds": ["7"]})).await.promised(200);
    client.put(&path, &json!("SELECTED_PROJECTS")).await.promised(200);
    for wrong in
        [json!("selected_projects"), json!(""), json!(1), json!(null), json!({"mode": "ALL_PROJECTS"})]
    {
        client.put(&path, &wrong).await.refused(400);
    }
    let settings = by_hand.get("/settings").await.promised(200);
    assert_eq!(settings, json!({"mode": "SELECTED_PROJECTS", "projectIds": ["7"]}));
    let other = "/rest/mirroring/latest/upstreamServers/other/settings/mode";
    client.put(other, &json!("ALL_PROJECTS")).await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    let present = json!("ALL_PROJECTS");
    administrators::and_no_one_else(200, "/settings/mode", |mirror, path| {
        Attempt::put(mirror, path, present.clone())
    })
    .await;
}
