//! POST /syncSettings/projects: adds projects to the selection, all or none.

use serde_json::json;

use crate::harness::{Attempt, Pair, UpstreamByHand, eventually, shared_pair};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

#[tokio::test]
async fn behaviour_selected_projects_are_served_and_others_are_not() {
    let pair = Pair::start().await;
    let (first, _) = pair.pushed_repository(false).await;
    let (second, _) = pair.pushed_repository(false).await;
    let mode = path_of("/syncSettings/mode");
    pair.mirror_admin().put(&mode, &json!("SELECTED_PROJECTS")).await.promised(200);
    let ids = json!([first["project"]["id"].to_string()]);
    let selected = pair.mirror_admin().post(&path_of("/syncSettings/projects"), &ids).await.promised(200);
    assert_eq!(selected, ids);
    eventually("the first repository", || pair.available(&first)).await;
    assert!(pair.available(&second).await.is_none(), "it was not selected");
}

#[tokio::test]
async fn behaviour_selects_all_or_none() {
    let by_hand = UpstreamByHand::start_installed().await;
    let (client, path) = (by_hand.client(), path_of("/syncSettings/projects"));
    assert_eq!(client.post(&path, &json!(["7", "7"])).await.promised(200), json!(["7"]));
    for wrong in [json!(["8", "x"]), json!([8]), json!("8")] {
        client.post(&path, &wrong).await.refused(400);
    }
    client.post(&path, &json!(["8", "999999"])).await.refused(404);
    assert_eq!(by_hand.get("/settings/projects").await.promised(200), json!(["7"]));
    client.delete(&path).await.expect_error(405);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    let project = shared_pair().await.new_project(false).await["id"].to_string();
    administrators::of_the_followed_upstream(200, "/syncSettings/projects", |mirror, path| {
        Attempt::post(mirror, path, json!([project]))
    })
    .await;
}
