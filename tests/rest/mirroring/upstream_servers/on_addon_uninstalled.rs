//! POST /upstreamServers/{upstreamId}/addon/uninstalled: the mirror lets go of the upstream.

use serde_json::json;

use crate::harness::{Attempt, Identity, UpstreamByHand, shared_pair};

#[tokio::test]
async fn behaviour_the_upstream_is_removed_and_its_secret_forgotten() {
    let by_hand = UpstreamByHand::start_installed().await;
    let path = by_hand.path("/addon/uninstalled");
    let other = "/rest/mirroring/latest/upstreamServers/other/addon/uninstalled";
    by_hand.client().post(other, &json!({})).await.refused(404);
    by_hand.client().post_nothing(&path).await.promised(204);
    let status = by_hand.mirror.anonymous().get("/status").await.expect(503).json();
    assert_eq!(status["upstream"]["state"], "REMOVED");
    by_hand.get("/settings").await.refused(401);
    by_hand.client().post_nothing(&path).await.refused(401);
}

#[tokio::test]
async fn authorisation_the_upstream_alone() {
    let pair = shared_pair().await;
    let call = Attempt::post(&pair.mirror, pair.mirror_path("/addon/uninstalled").await, json!({}));
    for caller in [Identity::Anonymous, pair.new_user().await, Identity::admin(), Identity::impostor()] {
        call.by(&caller, 401).await;
    }
    let by_hand = UpstreamByHand::start_installed().await;
    let call = Attempt::post(&by_hand.mirror, by_hand.path("/addon/uninstalled"), json!({"clientKey": "x"}));
    call.by(&by_hand.identity_with(&"0".repeat(64)), 401).await;
    call.by(&Identity::Server("AN-UNKNOWN-SERVER".into(), by_hand.secret.clone()), 401).await;
    by_hand.get("").await.promised(200);
    call.by(&by_hand.identity(), 204).await;
}
