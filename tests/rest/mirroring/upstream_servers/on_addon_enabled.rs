//! POST /upstreamServers/{upstreamId}/addon/enabled: does nothing and always succeeds.

use crate::harness::{Attempt, Identity, shared_pair, shared_upstream_by_hand};

#[tokio::test]
async fn behaviour_nothing_changes() {
    let by_hand = shared_upstream_by_hand().await;
    let before = by_hand.shown_without_moments().await;
    let anonymous = by_hand.mirror.anonymous();
    anonymous.post_nothing(&by_hand.path("/addon/enabled")).await.promised(204);
    anonymous.post_nothing("/rest/mirroring/latest/upstreamServers/other/addon/enabled").await.promised(204);
    assert_eq!(by_hand.shown_without_moments().await, before);
}

#[tokio::test]
async fn authorisation_anyone() {
    let pair = shared_pair().await;
    let call = Attempt::post_nothing(&pair.mirror, pair.mirror_path("/addon/enabled").await);
    call.by(&Identity::Anonymous, 204).await;
    call.by(&pair.new_user().await, 204).await;
    call.by(&Identity::admin(), 204).await;
    let by_hand = shared_upstream_by_hand().await;
    Attempt::post_nothing(&by_hand.mirror, by_hand.path("/addon/enabled")).by(&by_hand.identity(), 204).await;
}
