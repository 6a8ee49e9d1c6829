//! PUT /access-tokens/latest/users/{userSlug}: a token that stands in for the password.

use serde_json::json;

use crate::harness::{
    Attempt, Identity, clone_url, git, git_fails, now_seconds, repository_path, shared_joined_by_hand,
};

const SECONDS_PER_DAY: i64 = 86_400;

fn path_of(user: &Identity) -> String {
    format!("/rest/access-tokens/latest/users/{}", user.name())
}

#[tokio::test]
async fn behaviour_signs_its_user_in_by_bearer_and_as_password() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let user = upstream.user_on_repository(&repository, "REPO_READ").await;
    let body = json!({"name": "Build server", "expiryDays": 90});
    let before = now_seconds();
    let token = upstream.client(&user).put(&path_of(&user), &body).await.promised(200);
    assert_eq!((&token["name"], &token["permissions"]), (&json!("Build server"), &json!([])));
    let created = token["createdDate"].as_i64().expect("is a number");
    assert!((before..=now_seconds()).contains(&(created / 1000)), "{created} is not now");
    assert_eq!(token["expiryDate"], created + 90 * SECONDS_PER_DAY * 1000);
    let secret = token["token"].as_str().expect("is text").to_owned();

    let read = Attempt::get(upstream, repository_path(&repository));
    read.by(&Identity::Token(secret.clone()), 200).await;
    for name in [user.name(), "x-token-auth", "x-access-token"] {
        read.by(&Identity::User(name.to_owned(), secret.clone()), 200).await;
    }
    read.by(&Identity::User("admin".to_owned(), secret.clone()), 401).await;
    read.by(&Identity::Token(format!("{secret}x")), 401).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let url = clone_url(upstream.base_url(), &repository, Some((user.name(), &secret)));
    git(folder.path(), &["ls-remote", url.as_str()]);
}

#[tokio::test]
async fn behaviour_does_no_more_than_it_may() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let user = upstream.user_on_repository(&repository, "REPO_ADMIN").await;
    let secret = |token: serde_json::Value| token["token"].as_str().expect("is text").to_owned();
    let reading = secret(upstream.new_token(&user, &["REPO_READ"]).await);
    let writing = secret(upstream.new_token(&user, &["REPO_WRITE"]).await);
    let url = |token: &str| clone_url(upstream.base_url(), &repository, Some((user.name(), token)));
    git(checkout.path(), &["ls-remote", url(&reading).as_str()]);
    git_fails(checkout.path(), &["push", url(&reading).as_str(), "HEAD:refs/heads/late"]);
    git(checkout.path(), &["push", "--quiet", url(&writing).as_str(), "HEAD:refs/heads/late"]);
    let change = Attempt::put(upstream, repository_path(&repository), json!({"description": "x"}));
    change.by(&Identity::Token(reading), 403).await;
    change.by(&Identity::Token(writing.clone()), 403).await;
    change.by(&user, 201).await;
    let unbounded = Attempt::put(upstream, path_of(&user), json!({"name": "more"}));
    unbounded.by(&Identity::Token(writing), 403).await;
}

#[tokio::test]
async fn behaviour_what_is_wrong_creates_nothing() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let user = upstream.new_user().await;
    for (field, body) in [
        ("name", json!({})),
        ("name", json!({"name": ""})),
        ("name", json!({"name": "x".repeat(256)})),
        ("permissions", json!({"name": "x", "permissions": "REPO_READ"})),
        ("expiryDays", json!({"name": "x", "expiryDays": 0})),
        ("expiryDays", json!({"name": "x", "expiryDays": -1})),
        ("expiryDays", json!({"name": "x", "expiryDays": "x"})),
    ] {
        let error = upstream.client(&user).put(&path_of(&user), &body).await.refused(400);
        assert_eq!(error["context"], field, "{body}");
    }
    let unknown = json!({"name": "x", "permissions": ["REPO_DELETE"]});
    upstream.client(&user).put(&path_of(&user), &unknown).await.refused(400);
    assert_eq!(upstream.client(&user).get(&path_of(&user)).await.promised(200)["size"], 0);
    let unknown = Identity::User("nobody".into(), String::new());
    upstream.admin().put(&path_of(&unknown), &json!({"name": "x"})).await.refused(404);
}

#[tokio::test]
async fn authorisation_the_user_and_system_administrators() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let user = upstream.new_user().await;
    let call = Attempt::put(upstream, path_of(&user), json!({"name": "x"}));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 403).await;
    call.by(&upstream.user_with("ADMIN").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&user, 200).await;
    call.by(&Identity::admin(), 200).await;
}
