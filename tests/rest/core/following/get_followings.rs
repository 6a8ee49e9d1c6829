//! GET /admin/following: all repositories that follow one of another server.

use super::{NOWHERE, follow, stands};
use crate::harness::{Attempt, Identity, every_value, shared_joined_by_hand};

const PATH: &str = "/rest/api/latest/admin/following";

#[tokio::test]
async fn behaviour_each_is_listed_with_how_it_goes() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    follow(upstream, &repository, NOWHERE).await;
    let told = stands(upstream, &repository, "FAILING").await;
    let listed = every_value(&upstream.admin(), PATH).await;
    let found = listed.iter().find(|listed| listed["repository"]["id"] == repository["id"]);
    let found = found.expect("it is listed");
    assert_eq!((&found["repository"], &found["following"]), (&repository, &told));
    upstream.admin().get(&format!("{PATH}?limit=-1")).await.refused(400);
}

#[tokio::test]
async fn authorisation_administrators() {
    let joined = shared_joined_by_hand().await;
    let call = Attempt::get(&joined.upstream, PATH);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.identity(), 401).await;
    call.by(&joined.upstream.new_user().await, 403).await;
    call.by(&joined.upstream.user_with("PROJECT_CREATE").await, 403).await;
    call.by(&joined.upstream.user_with("ADMIN").await, 200).await;
    call.by(&Identity::admin(), 200).await;
}
