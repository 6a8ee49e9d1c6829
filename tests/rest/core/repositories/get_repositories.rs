//! GET /projects/{projectKey}/repos: the repositories of a project that the caller may read.

use serde_json::{Value, json};

use crate::harness::{Attempt, Identity, project_path, repository_path, shared_joined_by_hand, walk};

#[tokio::test]
async fn behaviour_lists_the_repositories_of_this_project_in_pages() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let project = upstream.new_project(false).await;
    let mut created = Vec::new();
    for _ in 0..3 {
        created.push(upstream.new_repository(&project).await);
    }
    upstream.empty_repository(false).await;
    let mut listed = walk(&upstream.admin(), &format!("{}/repos", project_path(&project)), 2).await;
    listed.sort_by_key(|repository| repository["id"].as_i64());
    assert_eq!(listed, created);
    upstream.admin().get("/rest/api/latest/projects/UNKNOWN/repos").await.refused(404);
}

#[tokio::test]
async fn authorisation_users_see_what_they_may_read() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let project = upstream.new_project(false).await;
    let first = upstream.new_repository(&project).await;
    let second = upstream.new_repository(&project).await;
    let call = Attempt::get(upstream, format!("{}/repos", project_path(&project)));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    let slugs = |page: &Value| -> Vec<Value> {
        page["values"].as_array().expect("is a list").iter().map(|one| one["slug"].clone()).collect()
    };
    let page = call.by(&upstream.user_on_repository(&second, "REPO_READ").await, 200).await;
    assert_eq!(slugs(&page), [second["slug"].clone()]);
    for caller in [upstream.user_on_project(&project, "PROJECT_READ").await, Identity::admin()] {
        assert_eq!(slugs(&call.by(&caller, 200).await).len(), 2, "{caller:?}");
    }

    let public = json!({"public": true});
    upstream.admin().put(&repository_path(&first), &public).await.promised(201);
    let page = call.by(&Identity::Anonymous, 200).await;
    assert_eq!(slugs(&page), [first["slug"].clone()]);
}
