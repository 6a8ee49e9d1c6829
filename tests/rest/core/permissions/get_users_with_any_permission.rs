//! GET /admin/permissions/users: who has a permission for the whole server.

use serde_json::json;

use crate::harness::{Attempt, Identity, Server, ServerOptions, shared_joined_by_hand, walk};

const PATH: &str = "/rest/api/latest/admin/permissions/users";

#[tokio::test]
async fn behaviour_lists_each_user_with_the_one_permission() {
    let upstream = Server::upstream(ServerOptions::default());
    let mut expected = vec![("admin".to_owned(), "SYS_ADMIN")];
    for permission in ["LICENSED_USER", "PROJECT_CREATE", "ADMIN"] {
        expected.push((upstream.user_with(permission).await.name().to_owned(), permission));
    }
    let listed = walk(&upstream.admin(), PATH, 3).await;
    let mut found: Vec<_> = listed
        .iter()
        .map(|one| {
            let name = one["user"]["name"].as_str().expect("is text").to_owned();
            (name, one["permission"].as_str().expect("is text"))
        })
        .collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let page = upstream.admin().get(&format!("{PATH}?filter=ADMI")).await.promised(200);
    assert_eq!((&page["size"], &page["values"][0]["user"]["name"]), (&json!(1), &json!("admin")));
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
