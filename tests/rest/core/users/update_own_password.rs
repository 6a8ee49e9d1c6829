//! PUT /users/credentials: a new password for who knows the present one; mirrors follow.

use serde_json::{Value, json};

use crate::harness::{
    Attempt, Identity, USER_PASSWORD, eventually, shared_joined_by_hand, shared_pair, unique,
};

const PATH: &str = "/rest/api/latest/users/credentials";
const USERS: &str = "/rest/api/latest/users";
const NEW_PASSWORD: &str = "a new password";

fn body(present: &str) -> Value {
    json!({"originalPassword": present, "password": NEW_PASSWORD, "passwordConfirm": NEW_PASSWORD})
}

fn renewed(user: &Identity) -> Identity {
    Identity::User(user.name().to_owned(), NEW_PASSWORD.into())
}

#[tokio::test]
async fn behaviour_the_new_password_counts_the_old_one_does_not_and_tokens_stay() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let user = upstream.new_user().await;
    let token = upstream.new_token(&user, &[]).await;
    let token = Identity::Token(token["token"].as_str().expect("is text").to_owned());
    upstream.client(&user).put(PATH, &body(USER_PASSWORD)).await.promised(204);
    upstream.client(&user).get(USERS).await.refused(401);
    upstream.client(&renewed(&user)).get(USERS).await.promised(200);
    upstream.client(&token).get(USERS).await.promised(200);
}

#[tokio::test]
async fn behaviour_what_is_wrong_changes_nothing_and_is_named() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let user = upstream.new_user().await;
    let client = upstream.client(&user);
    let token = upstream.new_token(&user, &[]).await;
    for (field, wrong) in [
        ("originalPassword", json!("another")),
        ("originalPassword", json!("")),
        ("originalPassword", token["token"].clone()),
        ("password", json!(7)),
        ("passwordConfirm", json!("another")),
    ] {
        let mut body = body(USER_PASSWORD);
        body[field] = wrong;
        assert_eq!(client.put(PATH, &body).await.refused(400)["context"], field, "{body}");
    }
    for unfit in ["short 7", "Football", user.name()] {
        let body = json!({"originalPassword": USER_PASSWORD, "password": unfit, "passwordConfirm": unfit});
        assert_eq!(client.put(PATH, &body).await.refused(400)["context"], "password", "{unfit}");
    }
    client.get(USERS).await.promised(200);
    upstream.client(&renewed(&user)).get(USERS).await.refused(401);
}

#[tokio::test]
async fn behaviour_who_guesses_the_present_password_has_to_wait() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let user = upstream.new_user().await;
    let token = upstream.new_token(&user, &["REPO_READ"]).await;
    let guesser = upstream.client(&Identity::Token(token["token"].as_str().expect("is text").to_owned()));
    let refused = eventually("guesses to be too many", || async {
        let answer = guesser.put(PATH, &body(&unique())).await;
        (answer.status != 400).then_some(answer)
    });
    refused.await.refused_for_now();
    // A user who has signed in with it is not locked out by another client's guesses.
    upstream.client(&user).put(PATH, &body(USER_PASSWORD)).await.promised(204);
}

#[tokio::test]
async fn behaviour_mirrors_follow() {
    let pair = shared_pair().await;
    let user = pair.new_user().await;
    let path = pair.mirror_path("/settings").await;
    let old = pair.mirror.client(&user);
    old.get(&path).await.refused(403);
    pair.upstream.client(&user).put(PATH, &body(USER_PASSWORD)).await.promised(204);
    eventually("the mirror to refuse", || async { (old.get(&path).await.status == 401).then_some(()) }).await;
    pair.mirror.client(&renewed(&user)).get(&path).await.refused(403);
}

#[tokio::test]
async fn authorisation_every_user_for_themselves() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let call = Attempt::put(upstream, PATH, body(USER_PASSWORD));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.identity(), 401).await;
    let (user, other) = (upstream.new_user().await, upstream.new_user().await);
    call.by(&user, 204).await;
    upstream.client(&other).get(USERS).await.promised(200);
    call.by(&upstream.user_with("ADMIN").await, 204).await;
}
