//! DELETE /upstreamServers/{upstreamId}/settings/projects, with a body: takes projects off the selection.

use reqwest::Method;
use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, Pair, UpstreamByHand};

#[tokio::test]
async fn behaviour_deselected_projects_are_not_served_from_the_answer_on() {
    let pair = Pair::start().await;
    let (kept, _) = pair.pushed_repository(false).await;
    let (dropped, _) = pair.pushed_repository(false).await;
    let ids = [&kept, &dropped].map(|repository| repository["project"]["id"].to_string());
    let settings = json!({"mode": "SELECTED_PROJECTS", "projectIds": ids});
    pair.mirror_admin().put(&pair.mirror_path("/settings").await, &settings).await.promised(200);
    pair.mirrored(&kept).await;
    pair.mirrored(&dropped).await;

    let path = pair.mirror_path("/settings/projects").await;
    pair.mirror_admin().send(Method::DELETE, &path, Some(&json!([ids[1]]))).await.promised(204);
    assert!(pair.available(&dropped).await.is_none(), "it is still served");
    assert!(pair.available(&kept).await.is_some(), "it is no longer served");
    assert_eq!(pair.mirror_admin().get(&path).await.promised(200), json!([ids[0]]));
}

#[tokio::test]
async fn behaviour_passes_over_what_is_not_selected() {
    let by_hand = UpstreamByHand::start_installed().await;
    let (client, path) = (by_hand.client(), by_hand.path("/settings/projects"));
    client.post(&path, &json!(["7", "12"])).await.promised(200);
    for wrong in [json!(["7", "x"]), json!([7]), json!("7")] {
        client.send(Method::DELETE, &path, Some(&wrong)).await.refused(400);
    }
    client.send(Method::DELETE, &path, Some(&json!(["999999", "12"]))).await.promised(204);
    assert_eq!(client.get(&path).await.promised(200), json!(["7"]));
    client.send(Method::DELETE, &path, None).await.refused(415);
    assert_eq!(client.get(&path).await.promised(200), json!(["7"]));
    let other = "/rest/mirroring/latest/upstreamServers/other/settings/projects";
    client.send(Method::DELETE, other, Some(&json!([]))).await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::and_no_one_else(204, "/settings/projects", |mirror, path| {
        Attempt::delete_with(mirror, path, json!(["999999"]))
    })
    .await;
}
