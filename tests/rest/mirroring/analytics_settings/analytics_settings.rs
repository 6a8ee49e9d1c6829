//! GET /analyticsSettings: nothing is collected, and the time on the upstream.

use serde_json::json;

use crate::harness::{Attempt, Identity, now_seconds, shared_joined_by_hand, start_joined_by_hand};

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
    assert_eq!((settings.get("baseUrl"), settings.get("instance")), (None, None), "it has not named itself");
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

#[tokio::test]
async fn behaviour_a_mirror_learns_which_process_answers_and_tells_of_another_one() {
    let joined = start_joined_by_hand().await;
    let mirror = joined.upstream.client(&joined.identity());
    let own = "instance=0b8ff0b2-5bd5-4a4c-9a3e-5b5d1e6ad2c7";
    let told = mirror.get(&format!("{PATH}?{own}")).await.promised(200);
    assert_eq!(
        (&told["baseUrl"], told.get("deliveryError")),
        (&json!(joined.upstream.base()), None),
        "{told}"
    );
    let answering = told["instance"].as_str().expect("a name");
    let reason = async || joined.upstream.anonymous().get("/status").await.json().get("reason").cloned();
    mirror.get(&format!("{PATH}?{own}&otherUpstream={answering}")).await.promised(200);
    assert_eq!(reason().await, None, "it is this process itself");
    mirror.get(&format!("{PATH}?{own}&otherUpstream=another-one")).await.promised(200);
    let told = reason().await;
    let told = told.as_ref().and_then(|reason| reason.as_str()).unwrap_or_default();
    assert!(told.contains("another process in the name of this server"), "{told}");
}
