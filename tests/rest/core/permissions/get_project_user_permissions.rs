//! GET /projects/{projectKey}/permissions/users: who has a permission for the project itself.

use crate::harness::{Attempt, Identity, project_path, shared_joined_by_hand, walk};

#[tokio::test]
async fn behaviour_lists_each_user_with_the_permission() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let project = upstream.new_project(false).await;
    let path = format!("{}/permissions/users", project_path(&project));
    let mut expected = Vec::new();
    expected.push(("admin".to_owned(), "PROJECT_ADMIN".to_owned()));
    for permission in ["PROJECT_READ", "PROJECT_WRITE", "PROJECT_ADMIN"] {
        let user = upstream.user_on_project(&project, permission).await;
        expected.push((user.name().to_owned(), permission.to_owned()));
    }
    let listed = walk(&upstream.admin(), &path, 2).await;
    let text = |value: &serde_json::Value| value.as_str().expect("is text").to_owned();
    let mut found: Vec<_> =
        listed.iter().map(|one| (text(&one["user"]["name"]), text(&one["permission"]))).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let (name, permission) = expected.last().expect("there are some");
    let page = upstream.admin().get(&format!("{path}?filter={}", name.to_uppercase())).await.promised(200);
    assert_eq!(page["values"][0]["permission"], permission.as_str());
    assert_eq!(page["size"], 1);
    upstream.admin().get("/rest/api/latest/projects/UNKNOWN/permissions/users").await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_of_the_project() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let project = upstream.new_project(false).await;
    let call = Attempt::get(upstream, format!("{}/permissions/users", project_path(&project)));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_project(&project, "PROJECT_READ").await, 403).await;
    call.by(&upstream.user_on_project(&project, "PROJECT_WRITE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&upstream.user_on_project(&project, "PROJECT_ADMIN").await, 200).await;
    call.by(&upstream.user_with("ADMIN").await, 200).await;
    call.by(&Identity::admin(), 200).await;
}
