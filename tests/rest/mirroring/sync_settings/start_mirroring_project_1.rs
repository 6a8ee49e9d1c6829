//! POST /syncSettings/projects/{projectId}: adds one project to the selection.

use serde_json::json;

use crate::harness::{Attempt, UpstreamByHand, shared_pair};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

#[tokio::test]
async fn behaviour_twice_is_once_and_the_unknown_changes_nothing() {
    let by_hand = UpstreamByHand::start_installed().await;
    let client = by_hand.client();
    let add = |id: &str| path_of(&format!("/syncSettings/projects/{id}"));
    assert_eq!(client.post_nothing(&add("7")).await.promised(200), json!(["7"]));
    assert_eq!(client.post_nothing(&add("7")).await.promised(200), json!(["7"]));
    client.post_nothing(&add("999999")).await.refused(404);
    client.post_nothing(&add("x")).await.refused(400);
    assert_eq!(by_hand.get("/settings/projects").await.promised(200), json!(["7"]));
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    let project = shared_pair().await.new_project(false).await["id"].to_string();
    let end = format!("/syncSettings/projects/{project}");
    administrators::of_the_followed_upstream(200, &end, Attempt::post_nothing).await;
}
