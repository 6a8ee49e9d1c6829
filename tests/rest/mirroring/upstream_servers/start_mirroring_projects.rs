//! POST /upstreamServers/{upstreamId}/settings/projects: adds projects to the selection, all or none.

use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, Pair, UpstreamByHand, eventually, shared_pair};

#[tokio::test]
async fn behaviour_selected_projects_are_served_and_others_are_not() {
    let pair = Pair::start().await;
    let (first, _) = pair.pushed_repository(false).await;
    let (second, _) = pair.pushed_repository(false).await;
    let (third, _) = pair.pushed_repository(false).await;
    let mode = pair.mirror_path("/settings/mode").await;
    pair.mirror_admin().put(&mode, &json!("SELECTED_PROJECTS")).await.promised(200);

    let ids = [&first, &second].map(|repository| repository["project"]["id"].to_string());
    let path = pair.mirror_path("/settings/projects").await;
    let mut selected = pair.mirror_admin().post(&path, &json!(ids)).await.promised(200);
    selected.as_array_mut().expect("is a list").sort_by_key(|id| id.to_string());
    assert_eq!(selected, json!(ids));
    eventually("the first repository", || pair.available(&first)).await;
    eventually("the second repository", || pair.available(&second)).await;
    assert!(pair.available(&third).await.is_none(), "it was not selected");
}

#[tokio::test]
async fn behaviour_selects_all_or_none_and_twice_is_once() {
    let by_hand = UpstreamByHand::start_installed().await;
    let (client, path) = (by_hand.client(), by_hand.path("/settings/projects"));
    assert_eq!(client.post(&path, &json!(["7"])).await.promised(200), json!(["7"]));
    assert_eq!(client.post(&path, &json!(["7", "7"])).await.promised(200), json!(["7"]));
    assert_eq!(client.post(&path, &json!([])).await.promised(200), json!(["7"]));
    for wrong in [json!(["8", "x"]), json!([8]), json!("8"), json!({"projectIds": ["8"]})] {
        client.post(&path, &wrong).await.refused(400);
    }
    client.post(&path, &json!(["8", "999999"])).await.refused(404);
    assert_eq!(client.get(&path).await.promised(200), json!(["7"]), "if one is unknown, nothing changes");
    let other = "/rest/mirroring/latest/upstreamServers/other/settings/projects";
    client.post(other, &json!(["7"])).await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    let project = shared_pair().await.new_project(false).await["id"].to_string();
    administrators::and_no_one_else(200, "/settings/projects", |mirror, path| {
        Attempt::post(mirror, path, json!([project]))
    })
    .await;
}
