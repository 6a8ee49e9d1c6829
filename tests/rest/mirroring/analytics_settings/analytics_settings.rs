//! GET /analyticsSettings: nothing is collected, and the time on the upstream.

use serde_json::json;

use crate::harness::{Attempt, Identity, now_seconds, shared_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/analyticsSettings";

#[tokio::test]
async fn behaviour_tells_the_time_and_collects_nothing() {
    let joined = shared_joined_by_hand().await;
    let before = now_seconds();
    let settings = joined.upstream.client(&joined.identity()).get(PATH).await.promised(200);
    assert_eq!(settings["canCollectAnalytics"], json!(false));
    let time = settings["serverTime"].as_i64().expect("is a number") / 1000;
    assert!((before..=now_seconds()).contains(&time), "{time} is not now");
    assert!(settings.get("supportEntitlementNumber").is_none(), "{settings}");
}

#[tokio::test]
async fn authorisation_mirrors_and_administrators() {
    let joined = shared_joined_by_hand().await;
    let call = Attempt::get(&joined.upstream, PATH);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.forger(), 401).await;
    call.by(&joined.upstream.new_user().await, 403).await;
    call.by(&joined.upstream.user_with("PROJECT_CREATE").await, 403).await;
    call.by(&joined.upstream.user_with("ADMIN").await, 200).await;
    call.by(&Identity::admin(), 200).await;
    call.by(&joined.identity(), 200).await;
}
