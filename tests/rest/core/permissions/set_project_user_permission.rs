//! PUT /projects/{projectKey}/permissions/users: a permission for the project, in place of the one before.

use crate::harness::{Attempt, Identity, project_path, shared_joined_by_hand};

#[tokio::test]
async fn behaviour_replaces_what_the_user_had() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let project = upstream.new_project(false).await;
    let user = upstream.new_user().await;
    let path = format!("{}/permissions/users", project_path(&project));
    let grant = |permission: &str| {
        let query = format!("name={}&permission={permission}", user.name());
        Attempt::put_nothing(upstream, format!("{path}?{query}"))
    };
    let read = Attempt::get(upstream, project_path(&project));
    let administer = Attempt::get(upstream, path.clone());
    read.by(&user, 404).await;
    for (permission, may_administer) in
        [("PROJECT_READ", 403), ("PROJECT_WRITE", 403), ("PROJECT_ADMIN", 200), ("PROJECT_READ", 403)]
    {
        grant(permission).by(&Identity::admin(), 204).await;
        read.by(&user, 200).await;
        administer.by(&user, may_administer).await;
    }
    let page = upstream.admin().get(&format!("{path}?filter={}", user.name())).await.promised(200);
    assert_eq!(
        (page["size"].as_i64(), page["values"][0]["permission"].as_str()),
        (Some(1), Some("PROJECT_READ"))
    );

    assert_eq!(grant("REPO_READ").by(&Identity::admin(), 400).await["context"], "permission");
    let unknown = format!("{path}?name=nobody&permission=PROJECT_READ");
    Attempt::put_nothing(upstream, unknown).by(&Identity::admin(), 404).await;
    for (query, field) in [("permission=PROJECT_READ", "name"), ("name=admin", "permission")] {
        let call = Attempt::put_nothing(upstream, format!("{path}?{query}"));
        assert_eq!(call.by(&Identity::admin(), 400).await["context"], field);
    }
}

#[tokio::test]
async fn authorisation_administrators_of_the_project() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let project = upstream.new_project(false).await;
    let user = upstream.new_user().await;
    let query = format!("name={}&permission=PROJECT_READ", user.name());
    let path = format!("{}/permissions/users?{query}", project_path(&project));
    let call = Attempt::put_nothing(upstream, path);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&user, 404).await;
    call.by(&upstream.user_on_project(&project, "PROJECT_READ").await, 403).await;
    call.by(&upstream.user_on_project(&project, "PROJECT_WRITE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    Attempt::get(upstream, project_path(&project)).by(&user, 404).await;
    call.by(&upstream.user_on_project(&project, "PROJECT_ADMIN").await, 204).await;
    call.by(&upstream.user_with("ADMIN").await, 204).await;
    call.by(&Identity::admin(), 204).await;
}
