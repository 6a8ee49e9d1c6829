//! GET /admin/users: all accounts, as administrators see them.

use serde_json::json;

use crate::harness::{Attempt, Identity, Server, ServerOptions, shared_joined_by_hand, walk};

const PATH: &str = "/rest/api/latest/admin/users";

#[tokio::test]
async fn behaviour_adds_what_administrators_need() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let user = upstream.new_user().await;
    let page = upstream.admin().get(&format!("{PATH}?filter={}", user.name())).await.promised(200);
    let account = &page["values"][0];
    assert_eq!((&page["size"], &account["name"]), (&json!(1), &json!(user.name())));
    assert_eq!((&account["deletable"], &account["mutableDetails"]), (&json!(true), &json!(false)));
    let path = format!("/rest/api/latest/users/{}", user.name());
    let plain = upstream.admin().get(&path).await.promised(200);
    for (field, value) in plain.as_object().expect("is an object") {
        assert_eq!(account[field], *value, "{field}");
    }
}

#[tokio::test]
async fn behaviour_goes_through_the_accounts_in_pages() {
    let upstream = Server::upstream(ServerOptions::default());
    for _ in 0..2 {
        upstream.new_user().await;
    }
    assert_eq!(walk(&upstream.admin(), PATH, 2).await.len(), 3);
}

#[tokio::test]
async fn authorisation_administrators() {
    let joined = shared_joined_by_hand().await;
    let call = Attempt::get(&joined.upstream, PATH);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.upstream.new_user().await, 403).await;
    call.by(&joined.upstream.user_with("PROJECT_CREATE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&joined.upstream.user_with("ADMIN").await, 200).await;
    call.by(&Identity::admin(), 200).await;
}
