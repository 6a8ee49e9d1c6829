//! GET /account/settings/preferred-mirror: the mirror that the caller has chosen.

use serde_json::json;

use crate::harness::{Attempt, Identity, shared_joined_by_hand, shared_pair};

const PATH: &str = "/rest/mirroring/latest/account/settings/preferred-mirror";

#[tokio::test]
async fn behaviour_answers_the_whole_mirror_or_404() {
    let pair = shared_pair().await;
    let user = pair.upstream.client(&pair.new_user().await);
    user.get(PATH).await.refused(404);
    let id = pair.mirror_id().await;
    user.post(PATH, &json!(id)).await.promised(204);
    let mut mirror = user.get(PATH).await.promised(200);
    let mut expected = user.get(&format!("/rest/mirroring/latest/mirrorServers/{id}")).await.promised(200);
    for one in [&mut mirror, &mut expected] {
        // The mirror may have called in between.
        one.as_object_mut().expect("is an object").remove("lastSeenDate");
    }
    assert_eq!(mirror, expected);
    pair.upstream.client(&pair.new_user().await).get(PATH).await.refused(404);
}

#[tokio::test]
async fn authorisation_users_for_themselves() {
    let joined = shared_joined_by_hand().await;
    let call = Attempt::get(&joined.upstream, PATH);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.identity(), 401).await;
    let user = joined.upstream.new_user().await;
    call.by(&user, 404).await;
    Attempt::post(&joined.upstream, PATH, json!(joined.mirror_id)).by(&user, 204).await;
    call.by(&user, 200).await;
    let token = joined.upstream.new_token(&user, &[]).await["token"].as_str().expect("is text").to_owned();
    call.by(&Identity::Token(token), 200).await;
}
