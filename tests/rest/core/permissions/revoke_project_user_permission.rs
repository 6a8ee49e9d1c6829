//! DELETE /projects/{projectKey}/permissions/users: takes the permission for the project away.

use crate::harness::{Attempt, Identity, Server, project_path, shared_joined_by_hand};

fn revoke(upstream: &Server, project: &serde_json::Value, user: &Identity) -> Attempt {
    Attempt::delete(upstream, format!("{}/permissions/users?name={}", project_path(project), user.name()))
}

#[tokio::test]
async fn behaviour_the_user_does_not_see_it_any_more() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let project = upstream.new_project(false).await;
    let user = upstream.user_on_project(&project, "PROJECT_WRITE").await;
    let read = Attempt::get(upstream, project_path(&project));
    read.by(&user, 200).await;
    revoke(upstream, &project, &user).by(&Identity::admin(), 204).await;
    read.by(&user, 404).await;
    let path = format!("{}/permissions/users?filter={}", project_path(&project), user.name());
    assert_eq!(upstream.admin().get(&path).await.promised(200)["size"], 0);
    let path = format!("{}/permissions/users?name={}", project_path(&project), user.name());
    let twice = upstream.admin().delete(&path).await.refused(404)["message"].to_string();
    assert!(twice.contains(user.name()), "{twice}");
    let unknown = Identity::User("nobody".into(), String::new());
    revoke(upstream, &project, &unknown).by(&Identity::admin(), 404).await;
    let path = format!("{}/permissions/users", project_path(&project));
    assert_eq!(upstream.admin().delete(&path).await.refused(400)["context"], "name");
}

#[tokio::test]
async fn behaviour_administrators_keep_their_own_control() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let project = upstream.new_project(false).await;
    let user = upstream.user_on_project(&project, "PROJECT_ADMIN").await;
    revoke(upstream, &project, &user).by(&user, 409).await;
    revoke(upstream, &project, &user)
        .by(&upstream.user_on_project(&project, "PROJECT_ADMIN").await, 204)
        .await;
    let keeps_control = upstream.user_with("ADMIN").await;
    let path = format!("{}/permissions/users", project_path(&project));
    let query = format!("name={}&permission=PROJECT_ADMIN", keeps_control.name());
    Attempt::put_nothing(upstream, format!("{path}?{query}")).by(&keeps_control, 204).await;
    revoke(upstream, &project, &keeps_control).by(&keeps_control, 204).await;
}

#[tokio::test]
async fn authorisation_administrators_of_the_project() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let project = upstream.new_project(false).await;
    let user = upstream.user_on_project(&project, "PROJECT_READ").await;
    let call = revoke(upstream, &project, &user);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&user, 403).await;
    call.by(&upstream.user_on_project(&project, "PROJECT_WRITE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    Attempt::get(upstream, project_path(&project)).by(&user, 200).await;
    call.by(&upstream.user_on_project(&project, "PROJECT_ADMIN").await, 204).await;
}
