//! GET /upstreamServers/{upstreamId}/heldBack: what the upstream has lost and this mirror keeps.
//!
//! `tests/story/upstream_restored.rs` tells how repositories come to be held back.

use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, UpstreamByHand};

#[tokio::test]
async fn behaviour_nothing_is_held_back_of_an_upstream_that_goes_on() {
    let by_hand = UpstreamByHand::start_installed().await;
    let mut held = by_hand.get("/heldBack").await.promised(200);
    let token = held["token"].take();
    assert!(token.as_str().is_some_and(|token| !token.is_empty()), "{token}");
    assert_eq!(held, json!({"token": null, "count": 0, "repositories": [], "unrecordedCount": 0}));
    by_hand.client().get("/rest/mirroring/latest/upstreamServers/other/heldBack").await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::and_no_one_else(200, "/heldBack", Attempt::get).await;
}
