//! GET /users: the active users, for every signed-in user.

use serde_json::json;

use crate::harness::{Attempt, Identity, Server, ServerOptions, shared_joined_by_hand, walk};

const PATH: &str = "/rest/api/latest/users";

#[tokio::test]
async fn behaviour_finds_a_part_of_name_or_address() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let user = upstream.new_user().await;
    let expected = upstream.admin().get(&format!("{PATH}/{}", user.name())).await.promised(200);
    let part = user.name()["user-".len()..].to_uppercase();
    for filter in [part.clone(), format!("{part}@example")] {
        let page = upstream.admin().get(&format!("{PATH}?filter={filter}")).await.promised(200);
        assert_eq!((&page["values"], &page["isLastPage"]), (&json!([expected]), &json!(true)), "{filter}");
    }
    let none = upstream.admin().get(&format!("{PATH}?filter={part}-nobody")).await.promised(200);
    assert_eq!(none["size"], 0);
}

#[tokio::test]
async fn behaviour_goes_through_the_users_in_pages() {
    let upstream = Server::upstream(ServerOptions::default());
    let mut names = vec!["admin".to_owned()];
    for _ in 0..3 {
        names.push(upstream.new_user().await.name().to_owned());
    }
    let listed = walk(&upstream.admin(), PATH, 3).await;
    let mut found: Vec<_> = listed.iter().map(|user| user["name"].as_str().expect("is text")).collect();
    found.sort_unstable();
    names.sort_unstable();
    assert_eq!(found, names);
}

#[tokio::test]
async fn authorisation_every_signed_in_user() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let call = Attempt::get(upstream, PATH);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 200).await;
    call.by(&Identity::admin(), 200).await;
}
