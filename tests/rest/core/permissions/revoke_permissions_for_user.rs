//! DELETE /admin/permissions/users: takes the permission for the whole server away.

use crate::harness::{Attempt, Identity, Server, ServerOptions, shared_joined_by_hand};

const PATH: &str = "/rest/api/latest/admin/permissions/users";

fn revoke(upstream: &Server, user: &Identity) -> Attempt {
    Attempt::delete(upstream, format!("{PATH}?name={}", user.name()))
}

#[tokio::test]
async fn behaviour_without_any_permission_the_user_cannot_sign_in() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let user = upstream.user_with("ADMIN").await;
    let accounts = Attempt::get(upstream, "/rest/api/latest/admin/users");
    accounts.by(&user, 200).await;
    revoke(upstream, &user).by(&Identity::admin(), 204).await;
    accounts.by(&user, 401).await;
    let page = upstream.admin().get(&format!("{PATH}?filter={}", user.name())).await.promised(200);
    assert_eq!(page["size"], 0);
    let unknown = Identity::User("nobody".into(), String::new());
    revoke(upstream, &unknown).by(&Identity::admin(), 404).await;
    Attempt::delete(upstream, PATH).by(&Identity::admin(), 400).await;
}

#[tokio::test]
async fn behaviour_one_system_administrator_must_remain() {
    let upstream = Server::upstream(ServerOptions::default());
    let admin = Identity::admin();
    revoke(&upstream, &admin).by(&admin, 409).await;
    let second = upstream.user_with("SYS_ADMIN").await;
    revoke(&upstream, &admin).by(&second, 204).await;
    revoke(&upstream, &second).by(&second, 409).await;
    Attempt::get(&upstream, PATH).by(&second, 200).await;
}

#[tokio::test]
async fn behaviour_of_two_who_take_it_from_each_other_at_the_same_time_one_keeps_it() {
    let upstream = Server::upstream(ServerOptions::default());
    let (first, second) = (Identity::admin(), upstream.user_with("SYS_ADMIN").await);
    let (as_first, as_second) = (upstream.client(&first), upstream.client(&second));
    let path_of = |user: &Identity| format!("{PATH}?name={}", user.name());
    for _ in 0..10 {
        let (of_second, of_first) = (path_of(&second), path_of(&first));
        let (one, other) = tokio::join!(as_first.delete(&of_second), as_second.delete(&of_first));
        let remaining = match (one.status, other.status) {
            (204, 204) => panic!("both have lost it"),
            (204, _) => (&as_first, &second),
            (_, 204) => (&as_second, &first),
            statuses => panic!("none has lost it: {statuses:?}"),
        };
        let (holder, loser) = remaining;
        let grant = format!("{}&permission=SYS_ADMIN", path_of(loser));
        holder.send(reqwest::Method::PUT, &grant, None).await.promised(204);
    }
}

#[tokio::test]
async fn authorisation_administrators_up_to_their_own_rank() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let user = upstream.user_with("PROJECT_CREATE").await;
    let administrator = upstream.user_with("ADMIN").await;
    let call = revoke(upstream, &user);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&user, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&administrator, 204).await;
    let above = upstream.user_with("SYS_ADMIN").await;
    revoke(upstream, &above).by(&administrator, 403).await;
    revoke(upstream, &above).by(&Identity::admin(), 204).await;
}
