//! GET /mirrorServers/{mirrorId}/standing: how a mirror stands.

use serde_json::Value;

use crate::harness::{Attempt, Identity, Pair, eventually, shared_pair};

const PATH: &str = "/rest/mirroring/latest/mirrorServers";

async fn standing_as(pair: &Pair, path: &str, word: &str) -> Value {
    eventually(word, || async {
        let standing = pair.admin().get(path).await.promised(200);
        (standing["standing"] == word).then_some(standing)
    })
    .await
}

#[tokio::test]
async fn behaviour_only_a_mirror_that_has_everything_and_is_there_is_up_to_date() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let path = format!("{PATH}/{}/standing", pair.mirror_id().await);
    let current = standing_as(&pair, &path, "UP_TO_DATE").await;
    assert_eq!((&current["mirroredRepos"], &current["inStepRepos"]), (&Value::from(1), &Value::from(1)));
    assert!(current["lastSeenDate"].as_i64() >= current["toldDate"].as_i64(), "{current}");

    pair.mirror.kill();
    checkout.commit("next", "more");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    let away = standing_as(&pair, &path, "UNREACHABLE").await;
    assert!(away["pendingEvents"].as_i64() > Some(0) && away["lastError"].is_string(), "{away}");
    assert_eq!(away["inStepRepos"], 1, "what it had when it was last heard of");
    assert!(away["lagMillis"].is_i64(), "the push waits for it: {away}");
    let status = pair.anonymous().get("/status").await.expect(200).json();
    assert_eq!(status["unreachableMirrors"], 1);
    assert!(status["reason"].as_str().is_some_and(|reason| reason.contains("1 of 1 mirror ")), "{status}");

    pair.mirror.restart();
    let again = standing_as(&pair, &path, "UP_TO_DATE").await;
    assert_eq!((&again["pendingEvents"], again.get("lastError")), (&Value::from(0), None), "{again}");
    assert_eq!(again.get("lagMillis"), None, "{again}");
    assert_eq!(pair.anonymous().get("/status").await.expect(200).json().get("unreachableMirrors"), None);
}

#[tokio::test]
async fn authorisation_administrators() {
    let pair = shared_pair().await;
    let call = Attempt::get(&pair.upstream, format!("{PATH}/{}/standing", pair.mirror_id().await));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&pair.new_user().await, 403).await;
    call.by(&Identity::admin(), 200).await;
    Attempt::get(&pair.upstream, format!("{PATH}/AAAA-AAAA-AAAA-AAAA/standing"))
        .by(&Identity::admin(), 404)
        .await;
}
