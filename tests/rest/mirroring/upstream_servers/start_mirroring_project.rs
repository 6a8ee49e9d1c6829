//! POST /upstreamServers/{upstreamId}/settings/projects/{projectId}: adds one project to the selection.

use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, Pair, UpstreamByHand, eventually, shared_pair};

#[tokio::test]
async fn behaviour_the_project_is_served_from_then_on() {
    let pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(false).await;
    let mode = pair.mirror_path("/settings/mode").await;
    pair.mirror_admin().put(&mode, &json!("SELECTED_PROJECTS")).await.promised(200);
    assert!(pair.available(&repository).await.is_none(), "nothing is selected");
    let project = repository["project"]["id"].to_string();
    let path = pair.mirror_path(&format!("/settings/projects/{project}")).await;
    let selected = pair.mirror_admin().post_nothing(&path).await.promised(200);
    assert_eq!(selected, json!([project]));
    eventually("the repository", || pair.available(&repository)).await;
}

#[tokio::test]
async fn behaviour_twice_is_once_and_the_unknown_changes_nothing() {
    let by_hand = UpstreamByHand::start_installed().await;
    let client = by_hand.client();
    let add = |id: &str| by_hand.path(&format!("/settings/projects/{id}"));
    assert_eq!(client.post_nothing(&add("7")).await.promised(200), json!(["7"]));
    assert_eq!(client.post_nothing(&add("7")).await.promised(200), json!(["7"]));
    client.post_nothing(&add("999999")).await.refused(404);
    for wrong in ["x", "-1", "99999999999999999999"] {
        let status = client.post_nothing(&add(wrong)).await.status;
        assert!(status == 400 || status == 404, "{wrong} was answered {status}");
    }
    assert_eq!(by_hand.get("/settings/projects").await.promised(200), json!(["7"]));
    client
        .post_nothing("/rest/mirroring/latest/upstreamServers/other/settings/projects/7")
        .await
        .refused(404);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    let project = shared_pair().await.new_project(false).await["id"].to_string();
    let end = format!("/settings/projects/{project}");
    administrators::and_no_one_else(200, &end, Attempt::post_nothing).await;
}
