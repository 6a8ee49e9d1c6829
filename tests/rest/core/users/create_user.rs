//! POST /admin/users: a user who may sign in.

use serde_json::{Value, json};

use crate::harness::{Attempt, Identity, USER_PASSWORD, shared_joined_by_hand, unique};

const PATH: &str = "/rest/api/latest/admin/users";
const USERS: &str = "/rest/api/latest/users";

fn body() -> Value {
    json!({"name": format!("user-{}", unique()), "password": USER_PASSWORD})
}

#[tokio::test]
async fn behaviour_the_user_may_sign_in_and_no_more() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let mut body = body();
    upstream.admin().post(PATH, &body).await.promised(204);
    let name = body["name"].as_str().expect("is text").to_owned();
    let user = Identity::User(name.clone(), USER_PASSWORD.into());
    let found = upstream.client(&user).get(&format!("{USERS}/{name}")).await.promised(200);
    assert_eq!(found["displayName"], name.as_str());
    assert!(found.get("emailAddress").is_none(), "{found}");
    upstream.client(&user).get(PATH).await.refused(403);

    body["name"] = json!(name.to_uppercase());
    assert_eq!(upstream.admin().post(PATH, &body).await.refused(409)["context"], "name");
    body["password"] = json!("another password");
    upstream.admin().post(PATH, &body).await.refused(409);
    upstream.client(&user).get(USERS).await.promised(200);
}

#[tokio::test]
async fn behaviour_reads_the_query_as_well_and_the_body_counts() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let name = format!("user-{}", unique());
    let query =
        format!("name={name}&displayName=Ada%20L&emailAddress=ada@example.com&password=from-the-query");
    upstream.admin().post_nothing(&format!("{PATH}?{query}")).await.promised(204);
    let user = Identity::User(name.clone(), "from-the-query".into());
    let found = upstream.client(&user).get(&format!("{USERS}/{name}")).await.promised(200);
    assert_eq!((&found["displayName"], &found["emailAddress"]), (&json!("Ada L"), &json!("ada@example.com")));

    let body = body();
    let path = format!("{PATH}?name=from-the-query&password=from-the-query&displayName=Ada");
    upstream.admin().post(&path, &body).await.promised(204);
    let name = body["name"].as_str().expect("is text");
    let user = Identity::User(name.to_owned(), USER_PASSWORD.into());
    upstream.client(&user).get(&format!("{USERS}/{name}")).await.promised(200);
    upstream.admin().get(&format!("{USERS}/from-the-query")).await.refused(404);
}

#[tokio::test]
async fn behaviour_a_name_and_a_password_are_needed() {
    let admin = shared_joined_by_hand().await.upstream.admin();
    admin.post_nothing(PATH).await.refused(400);
    for field in ["name", "password"] {
        let mut without = body();
        without.as_object_mut().expect("is an object").remove(field);
        assert_eq!(admin.post(PATH, &without).await.refused(400)["context"], field);
        let mut empty = body();
        empty[field] = json!("");
        assert_eq!(admin.post(PATH, &empty).await.refused(400)["context"], field);
    }
    for name in ["a b", "a/b", "a:b", "..", "credentials"] {
        let mut wrong = body();
        wrong["name"] = json!(name);
        assert_eq!(admin.post(PATH, &wrong).await.refused(400)["context"], "name");
    }
}

#[tokio::test]
async fn behaviour_a_password_that_is_guessed_first_is_refused() {
    let admin = shared_joined_by_hand().await.upstream.admin();
    let mut user = body();
    let name = user["name"].as_str().expect("is text").to_owned();
    for (password, rule) in
        [("x", "at least 8 characters"), ("Password1", "tried first"), (name.as_str(), "name of its user")]
    {
        user["password"] = json!(password);
        let refused = admin.post(PATH, &user).await.refused(400);
        assert_eq!(refused["context"], "password");
        assert!(refused["message"].as_str().is_some_and(|told| told.contains(rule)), "{refused}");
        // In the query it is no better.
        let query = format!("{PATH}?name={name}&password={password}");
        assert_eq!(admin.post_nothing(&query).await.refused(400)["context"], "password");
    }
    admin.get(&format!("{USERS}/{name}")).await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let call = || Attempt::post(upstream, PATH, body());
    call().by(&Identity::Anonymous, 401).await;
    call().by(&Identity::impostor(), 401).await;
    call().by(&upstream.new_user().await, 403).await;
    call().by(&upstream.user_with("PROJECT_CREATE").await, 403).await;
    call().by(&joined.identity(), 401).await;
    call().by(&upstream.user_with("ADMIN").await, 204).await;
    call().by(&Identity::admin(), 204).await;
}
