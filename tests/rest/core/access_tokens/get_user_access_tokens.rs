//! GET /access-tokens/latest/users/{userSlug}: a user's tokens, without their secrets.

use crate::harness::{Attempt, Identity, shared_joined_by_hand, walk};

fn path_of(user: &Identity) -> String {
    format!("/rest/access-tokens/latest/users/{}", user.name())
}

#[tokio::test]
async fn behaviour_lists_the_tokens_of_this_user_without_secrets() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (user, other) = (upstream.new_user().await, upstream.new_user().await);
    let mut ids = Vec::new();
    for permissions in [vec![], vec!["REPO_READ"], vec!["PROJECT_READ", "REPO_WRITE"]] {
        ids.push(upstream.new_token(&user, &permissions).await["id"].to_string());
    }
    upstream.new_token(&other, &[]).await;
    let listed = walk(&upstream.client(&user), &path_of(&user), 2).await;
    let mut found: Vec<_> = listed.iter().map(|token| token["id"].to_string()).collect();
    found.sort_unstable();
    ids.sort_unstable();
    assert_eq!(found, ids);
    for token in listed {
        assert!(token.get("token").is_none() && token.get("lastAuthenticated").is_none(), "{token}");
    }
    let unknown = Identity::User("nobody".into(), String::new());
    upstream.admin().get(&path_of(&unknown)).await.refused(404);
}

#[tokio::test]
async fn authorisation_the_user_and_system_administrators() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let user = upstream.new_user().await;
    let call = Attempt::get(upstream, path_of(&user));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 403).await;
    call.by(&upstream.user_with("ADMIN").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&user, 200).await;
    call.by(&Identity::admin(), 200).await;
}
