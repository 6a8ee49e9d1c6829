//! GET /upstreamServers/{upstreamId}/progress: how many repositories are in step, of how many.

use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, UpstreamByHand, eventually, shared_pair, unreachable_repository};

#[tokio::test]
async fn behaviour_is_all_zeros_when_nothing_is_to_do_and_counts_what_is_missing() {
    let by_hand = UpstreamByHand::start_installed().await;
    let idle = by_hand.get("/progress").await.promised(200);
    assert_eq!(
        idle,
        json!({"discovering": false, "syncedRepos": 0, "totalRepos": 0, "mirroredRepos": 0, "inStepRepos": 0})
    );

    let repository = unreachable_repository(24, 7);
    by_hand.list_repository(repository.clone());
    let event = json!({"eventKey": "repo:created", "repository": repository});
    by_hand.client().post(&by_hand.path("/addon/events"), &event).await.promised(204);
    let busy = eventually("the repository to be counted", || async {
        let progress = by_hand.get("/progress").await.promised(200);
        (progress["totalRepos"] == 1).then_some(progress)
    });
    assert_eq!(
        busy.await,
        json!({"discovering": false, "syncedRepos": 0, "totalRepos": 1, "mirroredRepos": 1, "inStepRepos": 0})
    );
    let status = by_hand.mirror.anonymous().get("/status").await.json();
    assert_eq!((&status["syncedRepos"], &status["totalRepos"]), (&json!(0), &json!(1)), "the two must agree");
}

#[tokio::test]
async fn behaviour_an_unknown_upstream_is_404() {
    let pair = shared_pair().await;
    pair.mirror_admin().get("/rest/mirroring/latest/upstreamServers/other/progress").await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::and_no_one_else(200, "/progress", Attempt::get).await;
}
