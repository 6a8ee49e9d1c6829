//! POST /requests/{mirroringRequestId}/accept: lets a mirror in and tells it the secret.

use serde_json::{Value, json};

use crate::harness::{
    Attempt, FakeMirror, Identity, Pair, Server, ServerOptions, eventually, good_descriptor, request_of,
    start_joined_by_hand,
};

const PATH: &str = "/rest/mirroring/latest/requests";

async fn filed(upstream: &Server, mirror: &FakeMirror) -> Value {
    let body = request_of(&heliostat_auth::server_id(), "Saigon", &mirror.base);
    upstream.anonymous().post(PATH, &body).await.promised(200)
}

#[tokio::test]
async fn behaviour_the_mirror_is_told_a_secret_that_works_at_once() {
    let upstream = Server::upstream(ServerOptions::default());
    let mirror = FakeMirror::start(good_descriptor).await;
    let request = filed(&upstream, &mirror).await;
    let admin = upstream.admin();
    let path = format!("{PATH}/{}", request["id"]);
    let accepted = admin.post_nothing(&format!("{path}/accept")).await.promised(200);
    assert_eq!(accepted["id"], request["mirrorId"]);
    assert_eq!((&accepted["name"], &accepted["enabled"]), (&json!("Saigon"), &json!(true)));
    assert_eq!(accepted["baseUrl"], request["mirrorBaseUrl"]);

    let event = mirror.posted_to("/addon/installed").expect("the mirror was told").body;
    assert_eq!((&event["baseUrl"], &event["apiBaseUrl"]), (&json!(upstream.base()), &json!(upstream.base())));
    assert!(event["clientKey"].as_str().is_some_and(|key| !key.is_empty()), "{event}");
    let secret = event["sharedSecret"].as_str().expect("is text");
    assert!(secret.len() >= 43, "256 bits take more than {} characters", secret.len());
    let id = request["mirrorId"].as_str().expect("is text").to_owned();
    let settings = "/rest/mirroring/latest/analyticsSettings";
    upstream.client(&Identity::Server(id, secret.to_owned())).get(settings).await.promised(200);

    assert_eq!(admin.get(&path).await.promised(200)["state"], "ACCEPTED");
    let list = admin.get("/rest/mirroring/latest/mirrorServers").await.promised(200);
    assert_eq!(list["values"][0]["id"], accepted["id"]);
    admin.post_nothing(&format!("{path}/accept")).await.refused(409);
    admin.post_nothing(&format!("{PATH}/999999/accept")).await.refused(409);
}

#[tokio::test]
async fn behaviour_the_mirror_follows_the_projects_that_are_named() {
    let upstream = Server::upstream(ServerOptions::default());
    let mirror = Server::mirror(upstream.base_url(), "Saigon", ServerOptions::default());
    let pair = Pair { upstream, mirror };
    let (wanted, _) = pair.pushed_repository(false).await;
    let (other, _) = pair.pushed_repository(false).await;
    let admin = pair.admin();
    let request = eventually("the mirror's request", || async {
        admin.get(PATH).await.promised(200)["values"].get(0).cloned()
    });
    let accept = format!("{PATH}/{}/accept", request.await["id"]);
    let error = admin.post(&accept, &json!({"projectIds": ["999999"]})).await.refused(400);
    assert_eq!(error["context"], "projectIds");
    let project = wanted["project"]["id"].to_string();
    admin.post(&accept, &json!({"projectIds": [project]})).await.promised(200);
    let settings = pair.mirror_admin().get(&pair.mirror_path("/settings").await).await.promised(200);
    assert_eq!(settings, json!({"mode": "SELECTED_PROJECTS", "projectIds": [project]}));
    pair.mirrored(&wanted).await;
    assert!(pair.available(&other).await.is_none(), "it was not named");
}

#[tokio::test]
async fn behaviour_a_request_that_was_seen_with_another_address_is_not_accepted() {
    let upstream = Server::upstream(ServerOptions::default());
    let mirror = FakeMirror::start(good_descriptor).await;
    let request = filed(&upstream, &mirror).await;
    let path = format!("{PATH}/{}/accept", request["id"]);
    let admin = upstream.admin();
    for seen in ["http://127.0.0.1:10001", "https://saigon.example.com", "nonsense"] {
        let error = admin.post(&path, &json!({"mirrorBaseUrl": seen})).await.refused(409);
        assert_eq!(error["context"], "mirrorBaseUrl", "{seen}");
    }
    assert!(mirror.requests().is_empty(), "nothing is asked of a mirror that is not accepted");
    let spelled = format!("{}/", request["mirrorBaseUrl"].as_str().expect("is text"));
    let accepted = admin.post(&path, &json!({"mirrorBaseUrl": spelled})).await.promised(200);
    assert_eq!(accepted["baseUrl"], request["mirrorBaseUrl"]);
}

#[tokio::test]
async fn authorisation_system_administrators() {
    let joined = start_joined_by_hand().await;
    let mirror = FakeMirror::start(good_descriptor).await;
    let request = filed(&joined.upstream, &mirror).await;
    let call = Attempt::post_nothing(&joined.upstream, format!("{PATH}/{}/accept", request["id"]));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.upstream.new_user().await, 403).await;
    call.by(&joined.upstream.user_with("ADMIN").await, 403).await;
    call.by(&joined.identity(), 401).await;
    assert!(mirror.requests().is_empty(), "the mirror was asked for its descriptor");
    call.by(&joined.upstream.user_with("SYS_ADMIN").await, 200).await;
}
