//! POST /requests/{mirroringRequestId}/reject: turns a mirror away.

use serde_json::json;
use url::Url;

use crate::harness::{
    Attempt, Identity, Server, ServerOptions, eventually, request_of, start_joined_by_hand,
};

const PATH: &str = "/rest/mirroring/latest/requests";

#[tokio::test]
async fn behaviour_the_mirror_is_refused_from_then_on() {
    let upstream = Server::upstream(ServerOptions::default());
    let admin = upstream.admin();
    let base = Url::parse("http://127.0.0.1:10001").expect("is a URL");
    let body = request_of(&heliostat_auth::server_id(), "Saigon", &base);
    let path = format!("{PATH}/{}", admin.post(PATH, &body).await.promised(200)["id"]);
    let rejected = admin.post_nothing(&format!("{path}/reject")).await.promised(200);
    assert_eq!((&rejected["id"], &rejected["name"]), (&body["mirrorId"], &json!("Saigon")));
    assert_eq!(rejected["enabled"], false);

    assert_eq!(admin.get(&path).await.promised(200)["state"], "REJECTED");
    let error = upstream.anonymous().post(PATH, &body).await.refused(409);
    assert!(error["message"].as_str().is_some_and(|message| message.contains("reject")), "{error}");
    assert_eq!(admin.get("/rest/mirroring/latest/mirrorServers").await.promised(200)["size"], 0);
    admin.post_nothing(&format!("{path}/accept")).await.refused(409);
    admin.post_nothing(&format!("{PATH}/999999/reject")).await.refused(409);
}

#[tokio::test]
async fn behaviour_the_mirror_learns_of_it() {
    let upstream = Server::upstream(ServerOptions::default());
    let admin = upstream.admin();
    let mirror = Server::mirror(upstream.base_url(), "Saigon", ServerOptions::default());
    let request = eventually("the mirror's request", || async {
        admin.get(PATH).await.promised(200)["values"].get(0).cloned()
    });
    admin.post_nothing(&format!("{PATH}/{}/reject", request.await["id"])).await.promised(200);
    eventually("the mirror to know", || async {
        let status = mirror.anonymous().get("/status").await.expect(503).json();
        status["reason"].as_str().is_some_and(|reason| reason.contains("reject")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn authorisation_system_administrators() {
    let joined = start_joined_by_hand().await;
    let base = Url::parse("http://127.0.0.1:10001").expect("is a URL");
    let body = request_of(&heliostat_auth::server_id(), "Saigon", &base);
    let request = joined.upstream_client.post(PATH, &body).await.promised(200);
    let call = Attempt::post_nothing(&joined.upstream, format!("{PATH}/{}/reject", request["id"]));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.upstream.new_user().await, 403).await;
    call.by(&joined.upstream.user_with("ADMIN").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&Identity::admin(), 200).await;
}
