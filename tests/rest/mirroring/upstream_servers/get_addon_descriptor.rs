//! GET /upstreamServers/{upstreamId}/addon/descriptor: how the mirror introduces itself.

use crate::harness::{Attempt, Identity, shared_pair, shared_upstream_by_hand};

#[tokio::test]
async fn behaviour_names_the_callbacks_and_keeps_the_secret() {
    let by_hand = shared_upstream_by_hand().await;
    let anonymous = by_hand.mirror.anonymous();
    let answer = anonymous.get(&by_hand.path("/addon/descriptor")).await;
    assert!(!answer.text.contains(&by_hand.secret), "the descriptor tells the secret");
    let descriptor = answer.promised(200);
    assert_eq!(descriptor["name"], "Saigon");
    let key = descriptor["key"].as_str().expect("is text");
    assert!(key.strip_prefix("heliostat-mirror-").is_some_and(heliostat_auth::is_server_id), "{key}");
    assert_eq!(descriptor["baseUrl"], by_hand.mirror.base());
    assert_eq!(descriptor["authentication"]["type"], "jwt");
    assert_eq!(descriptor["lifecycle"]["installed"], by_hand.path("/addon/installed"));
    assert_eq!(descriptor["lifecycle"]["uninstalled"], by_hand.path("/addon/uninstalled"));
    let hooks = descriptor["webhooks"].as_array().expect("is a list");
    for event in ["repo:refs_changed", "repo:created", "repo:deleted", "repo:modified", "project:modified"] {
        let hook = hooks.iter().find(|hook| hook["event"] == event).unwrap_or_else(|| panic!("no {event}"));
        assert_eq!(hook["url"], by_hand.path("/addon/events"));
    }
    anonymous.get("/rest/mirroring/latest/upstreamServers/other/addon/descriptor").await.refused(404);
}

#[tokio::test]
async fn authorisation_anyone() {
    let pair = shared_pair().await;
    let call = Attempt::get(&pair.mirror, pair.mirror_path("/addon/descriptor").await);
    call.by(&Identity::Anonymous, 200).await;
    call.by(&Identity::impostor(), 200).await;
    call.by(&pair.new_user().await, 200).await;
    call.by(&Identity::admin(), 200).await;
}
