//! GET /supportInfo/refChangesQueue/count: how much waits, as a bare number.

use serde_json::json;

use crate::harness::{Attempt, UpstreamByHand, eventually, unreachable_repository};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

const PATH: &str = "/supportInfo/refChangesQueue/count";

#[tokio::test]
async fn behaviour_counts_what_waits_and_not_what_runs() {
    let by_hand = UpstreamByHand::start_installed().await;
    let count = || async { by_hand.client().get(&path_of(PATH)).await.promised(200) };
    assert_eq!(count().await, json!(0));
    by_hand.hold_git();
    // Four are synchronised at once unless set otherwise; their fetches get no answer, so the others wait.
    for id in 1..=7 {
        by_hand.announce(&unreachable_repository(id, 7)).await;
    }
    eventually("all workers to be busy", || async { (count().await == json!(3)).then_some(()) }).await;
    by_hand.answer_git();
    eventually("all to have failed", || async { (count().await == json!(7)).then_some(()) }).await;
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_mirror(200, PATH, Attempt::get).await;
}
