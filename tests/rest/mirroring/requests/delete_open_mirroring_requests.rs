//! DELETE /requests: forgets all open requests at once, and nothing that is decided.

use url::Url;

use crate::harness::{Attempt, Identity, request_of, start_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/requests";

#[tokio::test]
async fn behaviour_what_is_decided_stays() {
    let joined = start_joined_by_hand().await;
    let admin = joined.upstream.admin();
    let mut ids = Vec::new();
    for port in 10_001..10_004 {
        let base = Url::parse(&format!("http://127.0.0.1:{port}")).expect("is a URL");
        let body = request_of(&heliostat_auth::server_id(), &format!("At {port}"), &base);
        ids.push(joined.upstream.anonymous().post(PATH, &body).await.promised(200)["id"].clone());
    }
    admin.post_nothing(&format!("{PATH}/{}/reject", ids[1])).await.promised(200);

    admin.delete(PATH).await.promised(204);
    let left = admin.get(PATH).await.promised(200);
    let states: Vec<&str> = left["values"]
        .as_array()
        .expect("is a list")
        .iter()
        .filter_map(|one| one["state"].as_str())
        .collect();
    assert_eq!(states, ["ACCEPTED", "REJECTED"]);
    let mirrors = admin.get("/rest/mirroring/latest/mirrorServers").await.promised(200);
    assert_eq!(mirrors["size"], 1);
    admin.delete(PATH).await.promised(204);
}

#[tokio::test]
async fn authorisation_system_administrators() {
    let joined = start_joined_by_hand().await;
    let base = Url::parse("http://127.0.0.1:10001").expect("is a URL");
    let body = request_of(&heliostat_auth::server_id(), "Saigon", &base);
    joined.upstream.anonymous().post(PATH, &body).await.promised(200);
    let call = Attempt::delete(&joined.upstream, PATH);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.upstream.new_user().await, 403).await;
    call.by(&joined.upstream.user_with("ADMIN").await, 403).await;
    call.by(&joined.identity(), 401).await;
    assert_eq!(joined.upstream.admin().get(PATH).await.promised(200)["size"], 2);
    call.by(&Identity::admin(), 204).await;
}
