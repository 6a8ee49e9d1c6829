//! PUT /admin/users/credentials: a new password; the old one is worthless at once, on the mirrors too.

use serde_json::{Value, json};

use crate::harness::{Attempt, Identity, eventually, shared_joined_by_hand, shared_pair};

const PATH: &str = "/rest/api/latest/admin/users/credentials";
const USERS: &str = "/rest/api/latest/users";

fn body(user: &Identity) -> Value {
    json!({"name": user.name(), "password": "a new password", "passwordConfirm": "a new password"})
}

#[tokio::test]
async fn behaviour_the_new_password_counts_and_the_old_one_does_not() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let user = upstream.new_user().await;
    for (field, wrong) in [("passwordConfirm", json!("another")), ("password", json!("")), ("name", json!(7))]
    {
        let mut body = body(&user);
        body[field] = wrong;
        upstream.admin().put(PATH, &body).await.refused(400);
    }
    for unfit in ["short 7", "Football", user.name()] {
        let both = json!({"name": user.name(), "password": unfit, "passwordConfirm": unfit});
        assert_eq!(upstream.admin().put(PATH, &both).await.refused(400)["context"], "password", "{unfit}");
    }
    upstream.client(&user).get(USERS).await.promised(200);
    upstream.admin().put(PATH, &body(&user)).await.promised(204);
    upstream.client(&user).get(USERS).await.refused(401);
    let renewed = Identity::User(user.name().to_owned(), "a new password".into());
    upstream.client(&renewed).get(USERS).await.promised(200);
    let unknown = Identity::User("nobody".into(), String::new());
    upstream.admin().put(PATH, &body(&unknown)).await.refused(404);
}

#[tokio::test]
async fn behaviour_mirrors_follow() {
    let pair = shared_pair().await;
    let user = pair.new_user().await;
    let path = pair.mirror_path("/settings").await;
    let old = pair.mirror.client(&user);
    old.get(&path).await.refused(403);
    pair.admin().put(PATH, &body(&user)).await.promised(204);
    eventually("the mirror to refuse", || async { (old.get(&path).await.status == 401).then_some(()) }).await;
    let renewed = Identity::User(user.name().to_owned(), "a new password".into());
    pair.mirror.client(&renewed).get(&path).await.refused(403);
}

#[tokio::test]
async fn authorisation_administrators_up_to_their_own_rank() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let user = upstream.new_user().await;
    let administrator = upstream.user_with("ADMIN").await;
    let call = Attempt::put(upstream, PATH, body(&user));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&administrator, 204).await;
    call.by(&Identity::admin(), 204).await;
    let above = upstream.user_with("SYS_ADMIN").await;
    let call = Attempt::put(upstream, PATH, body(&above));
    call.by(&administrator, 403).await;
    upstream.client(&above).get(USERS).await.promised(200);
    call.by(&Identity::admin(), 204).await;
}
