//! POST /upstreamServers/{upstreamId}/addon/installed: the secret, if it is the upstream that tells it.

use heliostat_auth::shared_secret;
use serde_json::json;

use crate::harness::{Attempt, Identity, UpstreamByHand, eventually};

#[tokio::test]
async fn behaviour_is_believed_after_the_upstream_has_accepted_the_new_secret() {
    let by_hand = UpstreamByHand::start().await;
    let (anonymous, path) = (by_hand.mirror.anonymous(), by_hand.path("/addon/installed"));
    eventually("the request to have been taken", || async {
        let status = anonymous.get("/status").await.expect(503).json();
        (status["upstream"]["state"] == "PENDING").then_some(())
    })
    .await;

    let mut elsewhere = by_hand.installed_event(&by_hand.secret);
    elsewhere["baseUrl"] = json!("http://127.0.0.1:9");
    let status = anonymous.post(&path, &elsewhere).await.status;
    assert!([400, 401, 403].contains(&status), "another upstream's event was answered {status}");
    let outsider = by_hand.installed_event(shared_secret().expose());
    anonymous.post(&path, &outsider).await.refused(401);
    let error = anonymous.post(&path, &json!({"clientKey": "x"})).await.refused(400);
    assert_eq!(error["context"], "sharedSecret");
    assert_ne!(anonymous.get("/status").await.json()["upstream"]["state"], "INSTALLED");

    by_hand.install().await;
    assert_eq!(by_hand.get("").await.promised(200)["state"], "INSTALLED");
    let asked = by_hand.received().into_iter().any(|request| request.path.ends_with("/analyticsSettings"));
    assert!(asked, "the mirror did not try the secret");
    let defaults = by_hand.get("/settings").await.promised(200);
    assert_eq!(defaults, json!({"mode": "ALL_PROJECTS", "projectIds": []}));
    by_hand.first_look().await;
    assert!(
        by_hand.received().iter().any(|request| request.path.contains("/repos?")),
        "no first synchronization"
    );
}

#[tokio::test]
async fn authorisation_a_second_secret_must_be_signed_with_the_first() {
    let by_hand = UpstreamByHand::start_installed().await;
    let second = shared_secret().expose().to_owned();
    by_hand.accept_secret(&second);
    let call =
        Attempt::post(&by_hand.mirror, by_hand.path("/addon/installed"), by_hand.installed_event(&second));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&by_hand.identity_with(&second), 401).await;
    let asked_before = by_hand.questions();
    call.by(&by_hand.unlucky_user(), 401).await;
    assert_eq!(
        by_hand.questions(),
        asked_before,
        "the upstream was asked about a user who cannot do this anyway"
    );
    call.by(&by_hand.identity_with(&"0".repeat(64)), 401).await;
    by_hand.get("").await.promised(200);

    call.by(&by_hand.identity(), 204).await;
    let state = Attempt::get(&by_hand.mirror, by_hand.path(""));
    state.by(&by_hand.identity(), 401).await;
    let upstream = state.by(&by_hand.identity_with(&second), 200).await;
    assert_eq!(upstream["state"], "INSTALLED");
}

#[tokio::test]
async fn authorisation_an_unknown_upstream_is_404() {
    let by_hand = UpstreamByHand::start().await;
    let other = "/rest/mirroring/latest/upstreamServers/other/addon/installed";
    let event = by_hand.installed_event(&by_hand.secret);
    by_hand.mirror.anonymous().post(other, &event).await.refused(404);
}
