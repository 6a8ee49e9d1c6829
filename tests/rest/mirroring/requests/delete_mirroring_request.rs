//! DELETE /requests/{mirroringRequestId}: forgets a request, so that the mirror may ask afresh.

use url::Url;

use crate::harness::{Attempt, Identity, Server, ServerOptions, request_of, start_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/requests";

#[tokio::test]
async fn behaviour_a_rejected_mirror_may_ask_afresh() {
    let upstream = Server::upstream(ServerOptions::default());
    let admin = upstream.admin();
    let base = Url::parse("http://127.0.0.1:10001").expect("is a URL");
    let body = request_of(&heliostat_auth::server_id(), "Saigon", &base);
    let filed = admin.post(PATH, &body).await.promised(200);
    let path = format!("{PATH}/{}", filed["id"]);
    admin.post_nothing(&format!("{path}/reject")).await.promised(200);
    upstream.anonymous().post(PATH, &body).await.refused(409);

    admin.delete(&path).await.promised(204);
    admin.get(&path).await.refused(409);
    admin.delete(&path).await.refused(409);
    assert_eq!(admin.get(PATH).await.promised(200)["size"], 0);
    let afresh = upstream.anonymous().post(PATH, &body).await.promised(200);
    assert_eq!(afresh["state"], "PENDING");
    assert_ne!(afresh["id"], filed["id"], "ids are not used twice");
}

#[tokio::test]
async fn behaviour_a_mirror_that_was_accepted_stays() {
    let joined = start_joined_by_hand().await;
    let admin = joined.upstream.admin();
    let list = admin.get(PATH).await.promised(200);
    admin.delete(&format!("{PATH}/{}", list["values"][0]["id"])).await.promised(204);
    let path = format!("/rest/mirroring/latest/mirrorServers/{}", joined.mirror_id);
    assert_eq!(admin.get(&path).await.promised(200)["enabled"], true);
    let settings = "/rest/mirroring/latest/analyticsSettings";
    joined.upstream.client(&joined.identity()).get(settings).await.promised(200);
}

#[tokio::test]
async fn authorisation_system_administrators() {
    let joined = start_joined_by_hand().await;
    let list = joined.upstream.admin().get(PATH).await.promised(200);
    let call = Attempt::delete(&joined.upstream, format!("{PATH}/{}", list["values"][0]["id"]));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.upstream.new_user().await, 403).await;
    call.by(&joined.upstream.user_with("ADMIN").await, 403).await;
    call.by(&joined.identity(), 401).await;
    assert_eq!(joined.upstream.admin().get(PATH).await.promised(200)["size"], 1);
    call.by(&Identity::admin(), 204).await;
}
