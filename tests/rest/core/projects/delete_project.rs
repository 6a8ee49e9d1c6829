//! DELETE /projects/{projectKey}: only a project without repositories.

use serde_json::json;

use crate::harness::{Attempt, Identity, project_path, repository_path, shared_joined_by_hand};

#[tokio::test]
async fn behaviour_a_project_with_repositories_stays_and_an_empty_one_goes() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let project = upstream.new_project(false).await;
    let repository = upstream.new_repository(&project).await;
    let path = project_path(&project);
    upstream.admin().delete(&path).await.refused(409);
    upstream.admin().get(&repository_path(&repository)).await.promised(200);
    upstream.admin().delete(&repository_path(&repository)).await.promised(202);
    upstream.admin().delete(&path).await.promised(204);
    upstream.admin().get(&path).await.refused(404);
    upstream.admin().delete(&path).await.refused(404);
    let again = json!({"key": project["key"], "name": project["name"]});
    let again = upstream.admin().post("/rest/api/latest/projects", &again).await.promised(201);
    assert_ne!(again["id"], project["id"], "ids are not used twice");
}

#[tokio::test]
async fn authorisation_administrators_of_the_project() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let project = upstream.new_project(true).await;
    let call = Attempt::delete(upstream, project_path(&project));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 403).await;
    call.by(&upstream.user_on_project(&project, "PROJECT_WRITE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    let private = upstream.new_project(false).await;
    Attempt::delete(upstream, project_path(&private)).by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_project(&project, "PROJECT_ADMIN").await, 204).await;
    Attempt::delete(upstream, project_path(&private)).by(&Identity::admin(), 204).await;
}
