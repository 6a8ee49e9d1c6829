//! DELETE /access-tokens/latest/users/{userSlug}/{tokenId}: the token is worthless at once, on the mirrors too.

use crate::harness::{Attempt, Identity, eventually, shared_joined_by_hand, shared_pair};

fn path_of(user: &Identity, token: &serde_json::Value) -> String {
    let id = token["id"].as_str().expect("is text");
    format!("/rest/access-tokens/latest/users/{}/{id}", user.name())
}

fn bearer(token: &serde_json::Value) -> Identity {
    Identity::Token(token["token"].as_str().expect("is text").to_owned())
}

#[tokio::test]
async fn behaviour_the_token_is_worthless_and_others_are_not() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let user = upstream.new_user().await;
    let (first, second) = (upstream.new_token(&user, &[]).await, upstream.new_token(&user, &[]).await);
    let users = Attempt::get(upstream, "/rest/api/latest/users");
    users.by(&bearer(&first), 200).await;
    upstream.client(&user).delete(&path_of(&user, &first)).await.promised(204);
    users.by(&bearer(&first), 401).await;
    users.by(&bearer(&second), 200).await;
    upstream.client(&user).get(&path_of(&user, &first)).await.refused(404);
    upstream.client(&user).delete(&path_of(&user, &first)).await.refused(404);
}

#[tokio::test]
async fn behaviour_mirrors_follow() {
    let pair = shared_pair().await;
    let user = pair.new_user().await;
    let token = pair.upstream.new_token(&user, &[]).await;
    let path = pair.mirror_path("/settings").await;
    let client = pair.mirror.client(&bearer(&token));
    client.get(&path).await.refused(403);
    pair.upstream.client(&user).delete(&path_of(&user, &token)).await.promised(204);
    eventually("the mirror to refuse", || async { (client.get(&path).await.status == 401).then_some(()) })
        .await;
}

#[tokio::test]
async fn authorisation_the_user_and_system_administrators() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let user = upstream.new_user().await;
    let (first, second) = (upstream.new_token(&user, &[]).await, upstream.new_token(&user, &[]).await);
    let call = Attempt::delete(upstream, path_of(&user, &first));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 403).await;
    call.by(&upstream.user_with("ADMIN").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&user, 204).await;
    Attempt::delete(upstream, path_of(&user, &second)).by(&Identity::admin(), 204).await;
}
