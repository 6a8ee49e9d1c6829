//! DELETE /account/settings/preferred-mirror: the caller has no preferred mirror any more.

use serde_json::json;

use crate::harness::{Attempt, Identity, shared_joined_by_hand, shared_pair};

const PATH: &str = "/rest/mirroring/latest/account/settings/preferred-mirror";

#[tokio::test]
async fn behaviour_forgets_the_choice_and_does_not_mind_if_there_is_none() {
    let pair = shared_pair().await;
    let user = pair.upstream.client(&pair.new_user().await);
    user.delete(PATH).await.promised(204);
    user.post(PATH, &json!(pair.mirror_id().await)).await.promised(204);
    user.delete(PATH).await.promised(204);
    user.get(PATH).await.refused(404);
    user.delete(PATH).await.promised(204);
}

#[tokio::test]
async fn authorisation_users_for_themselves() {
    let joined = shared_joined_by_hand().await;
    let (user, other) = (joined.upstream.new_user().await, joined.upstream.new_user().await);
    Attempt::post(&joined.upstream, PATH, json!(joined.mirror_id)).by(&user, 204).await;
    let call = Attempt::delete(&joined.upstream, PATH);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.identity(), 401).await;
    call.by(&other, 204).await;
    Attempt::get(&joined.upstream, PATH).by(&user, 200).await;
    call.by(&user, 204).await;
}
