//! GET /access-tokens/latest/users/{userSlug}/{tokenId}: one token, without its secret.

use crate::harness::{Attempt, Identity, shared_joined_by_hand};

fn path_of(user: &Identity, token: &serde_json::Value) -> String {
    let id = token["id"].as_str().expect("is text");
    format!("/rest/access-tokens/latest/users/{}/{id}", user.name())
}

#[tokio::test]
async fn behaviour_tells_when_it_was_used_but_not_the_secret() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let user = upstream.new_user().await;
    let mut token = upstream.new_token(&user, &["REPO_READ"]).await;
    let path = path_of(&user, &token);
    let secret = token.as_object_mut().expect("is an object").remove("token").expect("is shown once");
    assert_eq!(upstream.client(&user).get(&path).await.promised(200), token);
    let secret = Identity::Token(secret.as_str().expect("is text").to_owned());
    upstream.client(&secret).get("/rest/api/latest/users").await.promised(200);
    let used = upstream.client(&user).get(&path).await.promised(200);
    let (created, used) = (used["createdDate"].as_i64(), used["lastAuthenticated"].as_i64());
    assert!(used.is_some() && used >= created, "{used:?}");

    let other = upstream.new_user().await;
    let others = upstream.new_token(&other, &[]).await;
    upstream.client(&user).get(&path_of(&user, &others)).await.refused(404);
    upstream.client(&user).get(&format!("{path}0")).await.refused(404);
}

#[tokio::test]
async fn authorisation_the_user_and_system_administrators() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let user = upstream.new_user().await;
    let token = upstream.new_token(&user, &[]).await;
    let call = Attempt::get(upstream, path_of(&user, &token));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 403).await;
    call.by(&upstream.user_with("ADMIN").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&user, 200).await;
    call.by(&Identity::admin(), 200).await;
}
