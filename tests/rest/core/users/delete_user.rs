//! DELETE /admin/users: an account with its permissions and tokens.

use crate::harness::{
    Attempt, Identity, clone_url, eventually, git_output, repository_path, shared_joined_by_hand, shared_pair,
};

const PATH: &str = "/rest/api/latest/admin/users";
const USERS: &str = "/rest/api/latest/users";

fn path_of(user: &Identity) -> String {
    format!("{PATH}?name={}", user.name())
}

#[tokio::test]
async fn behaviour_password_token_and_permissions_are_gone() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let user = upstream.user_on_repository(&repository, "REPO_READ").await;
    let token = upstream.new_token(&user, &[]).await["token"].as_str().expect("is text").to_owned();
    let deleted = upstream.admin().delete(&path_of(&user)).await.promised(200);
    assert_eq!(deleted["name"], user.name());
    upstream.client(&user).get(USERS).await.refused(401);
    upstream.client(&Identity::Token(token)).get(USERS).await.refused(401);
    upstream.admin().get(&format!("{USERS}/{}", user.name())).await.refused(404);
    let permissions = format!("{}/permissions/users", repository_path(&repository));
    assert_eq!(upstream.admin().get(&permissions).await.promised(200)["size"], 0);
    upstream.admin().delete(&path_of(&user)).await.refused(404);
    let admin = Identity::admin();
    upstream.client(&admin).delete(&path_of(&admin)).await.refused(409);
    upstream.client(&admin).get(USERS).await.promised(200);
    assert_eq!(upstream.admin().delete(PATH).await.refused(400)["context"], "name");
}

#[tokio::test]
async fn behaviour_mirrors_stop_serving_the_user() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let user = pair.upstream.user_on_repository(&repository, "REPO_READ").await;
    let Identity::User(name, password) = &user else { unreachable!("new users have passwords") };
    let url = clone_url(pair.mirror.base_url(), &repository, Some((name, password)));
    let served = || git_output(checkout.path(), &["ls-remote", url.as_str()]).status.success();
    assert!(served(), "the user may read");
    pair.admin().delete(&path_of(&user)).await.promised(200);
    eventually("the mirror to refuse", || async { (!served()).then_some(()) }).await;
}

#[tokio::test]
async fn authorisation_administrators_up_to_their_own_rank() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let user = upstream.new_user().await;
    let administrator = upstream.user_with("ADMIN").await;
    let call = Attempt::delete(upstream, path_of(&user));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&administrator, 200).await;
    let above = upstream.user_with("SYS_ADMIN").await;
    let call = Attempt::delete(upstream, path_of(&above));
    call.by(&administrator, 403).await;
    call.by(&Identity::admin(), 200).await;
}
