//! DELETE .../repos/{repositorySlug}/permissions/users: takes the permission for the repository away.

use crate::harness::{Attempt, Identity, Server, repository_path, shared_joined_by_hand};

fn revoke(upstream: &Server, repository: &serde_json::Value, user: &Identity) -> Attempt {
    Attempt::delete(
        upstream,
        format!("{}/permissions/users?name={}", repository_path(repository), user.name()),
    )
}

#[tokio::test]
async fn behaviour_the_user_does_not_see_it_any_more() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let user = upstream.user_on_repository(&repository, "REPO_WRITE").await;
    let read = Attempt::get(upstream, repository_path(&repository));
    read.by(&user, 200).await;
    revoke(upstream, &repository, &user).by(&Identity::admin(), 204).await;
    read.by(&user, 404).await;
    let path = format!("{}/permissions/users?filter={}", repository_path(&repository), user.name());
    assert_eq!(upstream.admin().get(&path).await.promised(200)["size"], 0);
    let unknown = Identity::User("nobody".into(), String::new());
    revoke(upstream, &repository, &unknown).by(&Identity::admin(), 404).await;
    let path = format!("{}/permissions/users", repository_path(&repository));
    assert_eq!(upstream.admin().delete(&path).await.refused(400)["context"], "name");
}

#[tokio::test]
async fn behaviour_administrators_keep_their_own_control() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let user = upstream.user_on_repository(&repository, "REPO_ADMIN").await;
    revoke(upstream, &repository, &user).by(&user, 409).await;
    revoke(upstream, &repository, &user)
        .by(&upstream.user_on_repository(&repository, "REPO_ADMIN").await, 204)
        .await;
    let keeps_control = upstream.user_with("ADMIN").await;
    let path = format!("{}/permissions/users", repository_path(&repository));
    let query = format!("name={}&permission=REPO_ADMIN", keeps_control.name());
    Attempt::put_nothing(upstream, format!("{path}?{query}")).by(&keeps_control, 204).await;
    revoke(upstream, &repository, &keeps_control).by(&keeps_control, 204).await;
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    let user = upstream.user_on_repository(&repository, "REPO_READ").await;
    let call = revoke(upstream, &repository, &user);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&user, 403).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 403).await;
    call.by(&upstream.user_on_project(&repository["project"], "PROJECT_WRITE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    Attempt::get(upstream, repository_path(&repository)).by(&user, 200).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_ADMIN").await, 204).await;
}
