//! POST /upstreamServers/{upstreamId}/addon/uninstalled: the mirror lets go of the upstream.

use serde_json::json;

use crate::harness::{Attempt, Identity, UpstreamByHand, eventually, shared_pair};

#[tokio::test]
async fn behaviour_the_upstream_is_removed_and_its_secret_forgotten() {
    let by_hand = UpstreamByHand::start_installed().await;
    let path = by_hand.path("/addon/uninstalled");
    let other = "/rest/mirroring/latest/upstreamServers/other/addon/uninstalled";
    by_hand.client().post(other, &json!({})).await.refused(404);
    by_hand.refuse_time();
    by_hand.client().post_nothing(&path).await.promised(204);
    let status = by_hand.mirror.anonymous().get("/status").await.expect(503).json();
    assert_eq!(status["upstream"]["state"], "REMOVED");
    by_hand.get("/settings").await.refused(401);
    let user = by_hand.mirror.client(&by_hand.user());
    let told = user.get("/rest/mirroring/latest/upstreamServers").await.expect_error(503);
    let message = told["message"].as_str().expect("a message");
    assert!(message.contains("has removed this mirror"), "{message}");
    by_hand.client().post_nothing(&path).await.refused(401);
    // The refusal was the answer that the mirror had asked for: nothing is in doubt, and nothing asks to join anew.
    let log = by_hand.mirror.log();
    assert!(!log.contains("has refused the signature"), "{log}");
}

#[tokio::test]
async fn behaviour_the_end_is_believed_only_when_the_upstream_refuses_the_secret_itself() {
    let by_hand = UpstreamByHand::start_installed().await;
    let path = by_hand.path("/addon/uninstalled");
    let state = async || by_hand.mirror.anonymous().get("/status").await.json()["upstream"]["state"].clone();
    // What a copy of the upstream with the same secrets would do.
    by_hand.client().post_nothing(&path).await.refused(409);
    assert_eq!(state().await, "INSTALLED");
    by_hand.get("/settings").await.promised(200);
    by_hand.set_away(true);
    by_hand.client().post_nothing(&path).await.refused(503);
    assert_eq!(state().await, "INSTALLED");

    // What was announced counts as soon as it is true.
    by_hand.refuse_secret();
    by_hand.set_away(false);
    eventually("the end of the link", || async { (state().await == "REMOVED").then_some(()) }).await;
    by_hand.get("/settings").await.refused(401);
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
    let asked_before = by_hand.questions();
    call.by(&by_hand.unlucky_user(), 401).await;
    assert_eq!(
        by_hand.questions(),
        asked_before,
        "the upstream was asked about a user who cannot do this anyway"
    );
    call.by(&by_hand.identity_with(&"0".repeat(64)), 401).await;
    call.by(&Identity::Server("AN-UNKNOWN-SERVER".into(), by_hand.secret.clone()), 401).await;
    by_hand.get("").await.promised(200);
    by_hand.refuse_secret();
    call.by(&by_hand.identity(), 204).await;
}
