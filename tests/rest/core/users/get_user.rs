//! GET /users/{userSlug}: one user.

use serde_json::json;

use crate::harness::{Attempt, Identity, shared_joined_by_hand};

const PATH: &str = "/rest/api/latest/users";

#[tokio::test]
async fn behaviour_answers_who_it_is() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let user = upstream.new_user().await;
    let name = user.name();
    let found = upstream.client(&user).get(&format!("{PATH}/{name}")).await.promised(200);
    let expected = json!({
        "id": found["id"], "name": name, "slug": name, "displayName": name, "active": true, "type": "NORMAL",
        "emailAddress": format!("{name}@example.com"),
        "links": {"self": [{"href": format!("{}/users/{name}", upstream.base())}]},
    });
    assert_eq!(found, expected);
    upstream.admin().get(&format!("{PATH}/{name}-unknown")).await.refused(404);
}

#[tokio::test]
async fn authorisation_every_signed_in_user() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let call = Attempt::get(upstream, format!("{PATH}/admin"));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 200).await;
    call.by(&Identity::admin(), 200).await;
}
