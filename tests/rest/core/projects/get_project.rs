//! GET /projects/{projectKey}: one project.

use crate::harness::{Attempt, Identity, project_path, shared_joined_by_hand};

#[tokio::test]
async fn behaviour_finds_the_key_in_upper_or_lower_case() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let project = upstream.new_project(false).await;
    let path = project_path(&project);
    assert_eq!(upstream.admin().get(&path).await.promised(200), project);
    let key = project["key"].as_str().expect("is text").to_lowercase();
    assert_eq!(
        upstream.admin().get(&format!("/rest/api/latest/projects/{key}")).await.promised(200),
        project
    );
    upstream.admin().get("/rest/api/latest/projects/UNKNOWN").await.refused(404);
}

#[tokio::test]
async fn authorisation_who_may_read_it() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let private = upstream.new_project(false).await;
    let repository = upstream.new_repository(&private).await;
    let call = Attempt::get(upstream, project_path(&private));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    for permission in ["PROJECT_READ", "PROJECT_WRITE", "PROJECT_ADMIN"] {
        call.by(&upstream.user_on_project(&private, permission).await, 200).await;
    }
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 200).await;
    call.by(&upstream.user_with("ADMIN").await, 200).await;
    call.by(&Identity::admin(), 200).await;

    let public = upstream.new_project(true).await;
    let call = Attempt::get(upstream, project_path(&public));
    call.by(&Identity::Anonymous, 200).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 200).await;
}
