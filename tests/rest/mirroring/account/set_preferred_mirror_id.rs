//! POST /account/settings/preferred-mirror: the caller chooses a mirror.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Attempt, Identity, shared_joined_by_hand, start_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/account/settings/preferred-mirror";

#[tokio::test]
async fn behaviour_the_last_choice_counts_and_a_wrong_one_changes_nothing() {
    let joined = start_joined_by_hand().await;
    let (second, _) = joined.another("Second").await;
    let Identity::Server(second, _) = second else { unreachable!("mirrors sign") };
    let user = joined.upstream.client(&joined.upstream.new_user().await);
    for id in [&second, &joined.mirror_id, &second] {
        user.post(PATH, &json!(id)).await.promised(204);
        assert_eq!(user.get(PATH).await.promised(200)["id"], id.as_str());
    }
    let bare =
        async |id: &str| user.send_raw(Method::POST, PATH, Some((id.as_bytes(), "application/json"))).await;
    bare(&joined.mirror_id).await.promised(204);
    assert_eq!(user.get(PATH).await.promised(200)["id"], joined.mirror_id);
    bare(&second).await.promised(204);
    bare("AAAA-AAAA-AAAA-AAAA").await.refused(404);
    user.post(PATH, &json!("AAAA-AAAA-AAAA-AAAA")).await.refused(404);
    for wrong in [json!(7), json!(null), json!([second]), json!({"id": second}), json!("x".repeat(65))] {
        user.post(PATH, &wrong).await.refused(400);
    }
    assert_eq!(user.get(PATH).await.promised(200)["id"], second);
}

#[tokio::test]
async fn authorisation_users_for_themselves() {
    let joined = shared_joined_by_hand().await;
    let call = Attempt::post(&joined.upstream, PATH, json!(joined.mirror_id));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.identity(), 401).await;
    let (user, other) = (joined.upstream.new_user().await, joined.upstream.new_user().await);
    call.by(&user, 204).await;
    Attempt::get(&joined.upstream, PATH).by(&other, 404).await;
}
