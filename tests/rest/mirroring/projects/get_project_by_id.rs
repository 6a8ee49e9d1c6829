//! GET /projects/{projectId}: a project by its numeric id.

use crate::harness::{Attempt, Identity, project_path, shared_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/projects";

#[tokio::test]
async fn behaviour_answers_what_the_core_api_answers_for_the_key() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let created = upstream.new_project(true).await;
    let project = upstream.admin().get(&format!("{PATH}/{}", created["id"])).await.promised(200);
    assert_eq!(project, created);
    assert_eq!(project, upstream.admin().get(&project_path(&created)).await.promised(200));
    let key = created["key"].as_str().expect("is text");
    assert_eq!(project["links"]["self"][0]["href"], format!("{}/projects/{key}", upstream.base()));
    for unknown in ["999999", key, "-1", "99999999999999999999"] {
        upstream.admin().get(&format!("{PATH}/{unknown}")).await.refused(404);
    }
}

#[tokio::test]
async fn authorisation_mirrors_see_every_project_and_users_what_they_may_read() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let project = upstream.new_project(false).await;
    let repository = upstream.new_repository(&project).await;
    let call = Attempt::get(upstream, format!("{PATH}/{}", project["id"]));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.forger(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_project(&project, "PROJECT_READ").await, 200).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 200).await;
    call.by(&upstream.user_with("ADMIN").await, 200).await;
    call.by(&Identity::admin(), 200).await;
    call.by(&joined.identity(), 200).await;
    let public = upstream.new_project(true).await;
    Attempt::get(upstream, format!("{PATH}/{}", public["id"])).by(&upstream.new_user().await, 200).await;
}
