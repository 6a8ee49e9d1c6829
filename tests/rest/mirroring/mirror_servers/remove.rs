//! DELETE /mirrorServers/{mirrorId}: the end of a membership.

use crate::harness::{Attempt, Identity, eventually, start_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/mirrorServers";
const SIGNED: &str = "/rest/mirroring/latest/analyticsSettings";

#[tokio::test]
async fn behaviour_the_secret_is_worthless_at_once_and_the_mirror_is_told() {
    let joined = start_joined_by_hand().await;
    let (second, _) = joined.another("Second").await;
    let admin = joined.upstream.admin();
    let user = joined.upstream.new_user().await;
    let preferred = "/rest/mirroring/latest/account/settings/preferred-mirror";
    let choice = serde_json::json!(joined.mirror_id);
    joined.upstream.client(&user).post(preferred, &choice).await.promised(204);
    joined.upstream.client(&joined.identity()).get(SIGNED).await.promised(200);

    let path = format!("{PATH}/{}", joined.mirror_id);
    admin.delete(&path).await.promised(204);
    joined.upstream.client(&joined.identity()).get(SIGNED).await.refused(401);
    joined.upstream.client(&second).get(SIGNED).await.promised(200);
    admin.get(&path).await.refused(404);
    admin.delete(&path).await.refused(404);
    assert_eq!(admin.get(PATH).await.promised(200)["size"], 1);
    joined.upstream.client(&user).get(preferred).await.refused(404);

    let told =
        eventually("the mirror to be told", || async { joined.mirror.posted_to("/addon/uninstalled") }).await;
    assert!(told.authorization.starts_with("JWT "), "{}", told.authorization);
}

#[tokio::test]
async fn authorisation_system_administrators() {
    let joined = start_joined_by_hand().await;
    let upstream = &joined.upstream;
    let call = Attempt::delete(upstream, format!("{PATH}/{}", joined.mirror_id));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 403).await;
    call.by(&upstream.user_with("ADMIN").await, 403).await;
    call.by(&joined.identity(), 401).await;
    joined.upstream.client(&joined.identity()).get(SIGNED).await.promised(200);
    call.by(&upstream.user_with("SYS_ADMIN").await, 204).await;
}
