//! POST /upstreamServers/{upstreamId}/heldBack/confirmation: for exactly the list that was seen.

use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, UpstreamByHand};

/// The token of a list with nothing on it.
const NOTHING: &str = "e3b0c44298fc1c14";

#[tokio::test]
async fn behaviour_another_list_than_the_one_that_was_seen_is_a_conflict() {
    let by_hand = UpstreamByHand::start_installed().await;
    let (client, path) = (by_hand.client(), by_hand.path("/heldBack/confirmation"));
    client.post(&path, &json!({"token": "0123456789abcdef"})).await.refused(409);
    for wrong in [json!({}), json!({"token": ""}), json!({"token": 7}), json!({"token": "x".repeat(65)})] {
        client.post(&path, &wrong).await.refused(400);
    }
    let left = client.post(&path, &json!({"token": NOTHING})).await.promised(200);
    assert_eq!(left, json!({"token": NOTHING, "count": 0, "repositories": [], "unrecordedCount": 0}));
    let other = "/rest/mirroring/latest/upstreamServers/other/heldBack/confirmation";
    client.post(other, &json!({"token": NOTHING})).await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::and_no_one_else(200, "/heldBack/confirmation", |mirror, path| {
        Attempt::post(mirror, path, json!({"token": NOTHING}))
    })
    .await;
}
