//! PUT /admin/permissions/users: a permission for the whole server, in place of the one before.

use crate::harness::{Attempt, Identity, Server, ServerOptions, shared_joined_by_hand};

const PATH: &str = "/rest/api/latest/admin/permissions/users";

fn path_of(user: &Identity, permission: &str) -> String {
    format!("{PATH}?name={}&permission={permission}", user.name())
}

#[tokio::test]
async fn behaviour_replaces_what_the_user_had() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let user = upstream.new_user().await;
    let accounts = Attempt::get(upstream, "/rest/api/latest/admin/users");
    accounts.by(&user, 403).await;
    Attempt::put_nothing(upstream, path_of(&user, "ADMIN")).by(&Identity::admin(), 204).await;
    accounts.by(&user, 200).await;
    Attempt::put_nothing(upstream, path_of(&user, "LICENSED_USER")).by(&Identity::admin(), 204).await;
    accounts.by(&user, 403).await;
    let page = upstream.admin().get(&format!("{PATH}?filter={}", user.name())).await.promised(200);
    assert_eq!(page["values"][0]["permission"], "LICENSED_USER");

    let unknown = Identity::User("nobody".into(), String::new());
    Attempt::put_nothing(upstream, path_of(&unknown, "ADMIN")).by(&Identity::admin(), 404).await;
    for (query, field) in [
        ("permission=ADMIN".to_owned(), "name"),
        (format!("name={}", user.name()), "permission"),
        (format!("name={}&permission=REPO_READ", user.name()), "permission"),
    ] {
        let call = Attempt::put_nothing(upstream, format!("{PATH}?{query}"));
        assert_eq!(call.by(&Identity::admin(), 400).await["context"], field, "{query}");
    }
}

#[tokio::test]
async fn behaviour_one_system_administrator_must_remain() {
    let upstream = Server::upstream(ServerOptions::default());
    let admin = Identity::admin();
    let lower = Attempt::put_nothing(&upstream, path_of(&admin, "ADMIN"));
    lower.by(&admin, 409).await;
    let second = upstream.user_with("SYS_ADMIN").await;
    lower.by(&admin, 204).await;
    lower.by(&second, 204).await;
    Attempt::put_nothing(&upstream, path_of(&second, "ADMIN")).by(&second, 409).await;
}

#[tokio::test]
async fn authorisation_administrators_up_to_their_own_rank() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let user = upstream.new_user().await;
    let administrator = upstream.user_with("ADMIN").await;
    let call = Attempt::put_nothing(upstream, path_of(&user, "PROJECT_CREATE"));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&user, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&administrator, 204).await;
    call.by(&Identity::admin(), 204).await;
    Attempt::put_nothing(upstream, path_of(&user, "SYS_ADMIN")).by(&administrator, 403).await;
    Attempt::put_nothing(upstream, path_of(&administrator, "SYS_ADMIN")).by(&administrator, 403).await;
    let above = upstream.user_with("SYS_ADMIN").await;
    Attempt::put_nothing(upstream, path_of(&above, "ADMIN")).by(&administrator, 403).await;
    Attempt::put_nothing(upstream, path_of(&above, "ADMIN")).by(&Identity::admin(), 204).await;
}
