//! PUT .../repos/{repositorySlug}/permissions/users: a permission for the repository, in place of the one before.

use crate::harness::{Attempt, Identity, repository_path, shared_joined_by_hand};

#[tokio::test]
async fn behaviour_replaces_what_the_user_had() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let user = upstream.new_user().await;
    let path = format!("{}/permissions/users", repository_path(&repository));
    let grant = |permission: &str| {
        let query = format!("name={}&permission={permission}", user.name());
        Attempt::put_nothing(upstream, format!("{path}?{query}"))
    };
    let read = Attempt::get(upstream, repository_path(&repository));
    let administer = Attempt::get(upstream, path.clone());
    read.by(&user, 404).await;
    for (permission, may_administer) in
        [("REPO_READ", 403), ("REPO_WRITE", 403), ("REPO_ADMIN", 200), ("REPO_READ", 403)]
    {
        grant(permission).by(&Identity::admin(), 204).await;
        read.by(&user, 200).await;
        administer.by(&user, may_administer).await;
    }
    let page = upstream.admin().get(&format!("{path}?filter={}", user.name())).await.promised(200);
    assert_eq!(
        (page["size"].as_i64(), page["values"][0]["permission"].as_str()),
        (Some(1), Some("REPO_READ"))
    );

    assert_eq!(grant("PROJECT_READ").by(&Identity::admin(), 400).await["context"], "permission");
    let unknown = format!("{path}?name=nobody&permission=REPO_READ");
    Attempt::put_nothing(upstream, unknown).by(&Identity::admin(), 404).await;
    for (query, field) in [("permission=REPO_READ", "name"), ("name=admin", "permission")] {
        let call = Attempt::put_nothing(upstream, format!("{path}?{query}"));
        assert_eq!(call.by(&Identity::admin(), 400).await["context"], field);
    }
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    let user = upstream.new_user().await;
    let query = format!("name={}&permission=REPO_READ", user.name());
    let path = format!("{}/permissions/users?{query}", repository_path(&repository));
    let call = Attempt::put_nothing(upstream, path);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&user, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 403).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 403).await;
    call.by(&upstream.user_on_project(&repository["project"], "PROJECT_WRITE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    Attempt::get(upstream, repository_path(&repository)).by(&user, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_ADMIN").await, 204).await;
    call.by(&upstream.user_on_project(&repository["project"], "PROJECT_ADMIN").await, 204).await;
    call.by(&upstream.user_with("ADMIN").await, 204).await;
    call.by(&Identity::admin(), 204).await;
}
