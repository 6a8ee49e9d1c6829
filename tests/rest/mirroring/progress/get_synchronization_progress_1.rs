//! GET /progress: the numbers of the operation that names the upstream.

use serde_json::json;

use crate::harness::{Attempt, UpstreamByHand, eventually, unreachable_repository};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

#[tokio::test]
async fn behaviour_counts_what_is_missing() {
    let by_hand = UpstreamByHand::start_installed().await;
    let progress = || async { by_hand.client().get(&path_of("/progress")).await.promised(200) };
    assert_eq!(
        progress().await,
        json!({"discovering": false, "syncedRepos": 0, "totalRepos": 0, "mirroredRepos": 0, "inStepRepos": 0})
    );
    by_hand.announce(&unreachable_repository(24, 7)).await;
    let busy = eventually("the repository to be counted", || async {
        Some(progress().await).filter(|progress| progress["totalRepos"] == 1)
    })
    .await;
    assert_eq!(
        busy,
        json!({"discovering": false, "syncedRepos": 0, "totalRepos": 1, "mirroredRepos": 1, "inStepRepos": 0})
    );
    assert_eq!(by_hand.get("/progress").await.promised(200), busy);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_followed_upstream(200, "/progress", Attempt::get).await;
}
