//! GET /requests/{mirroringRequestId}: one request, whatever its state.

use url::Url;

use crate::harness::{Attempt, Identity, Server, ServerOptions, request_of, start_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/requests";

#[tokio::test]
async fn behaviour_answers_the_request_in_each_state() {
    let upstream = Server::upstream(ServerOptions::default());
    let admin = upstream.admin();
    let base = Url::parse("http://127.0.0.1:10001").expect("is a URL");
    let body = request_of(&heliostat_auth::server_id(), "Saigon", &base);
    let filed = admin.post(PATH, &body).await.promised(200);
    let path = format!("{PATH}/{}", filed["id"]);
    assert_eq!(admin.get(&path).await.promised(200), filed);
    admin.post_nothing(&format!("{path}/reject")).await.promised(200);
    assert_eq!(admin.get(&path).await.promised(200)["state"], "REJECTED");
    for unknown in ["999999", "0", "-1"] {
        admin.get(&format!("{PATH}/{unknown}")).await.refused(409);
    }
}

#[tokio::test]
async fn authorisation_system_administrators() {
    let joined = start_joined_by_hand().await;
    let list = joined.upstream.admin().get(PATH).await.promised(200);
    let call = Attempt::get(&joined.upstream, format!("{PATH}/{}", list["values"][0]["id"]));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.upstream.new_user().await, 403).await;
    call.by(&joined.upstream.user_with("ADMIN").await, 403).await;
    call.by(&joined.identity(), 401).await;
    let request = call.by(&Identity::admin(), 200).await;
    assert_eq!(request["state"], "ACCEPTED");
    Attempt::get(&joined.upstream, format!("{PATH}/999999")).by(&joined.upstream.new_user().await, 403).await;
}
