//! GET /projects/{projectId}/repos: the repositories of a project with what mirrors compare.

use serde_json::{Value, json};

use crate::harness::{Attempt, Identity, shared_joined_by_hand, walk};

const PATH: &str = "/rest/mirroring/latest/projects";

fn ids(repositories: &[Value]) -> Vec<Value> {
    repositories.iter().map(|repository| repository["id"].clone()).collect()
}

#[tokio::test]
async fn behaviour_lists_the_repositories_of_this_project_in_pages() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let project = upstream.new_project(false).await;
    let mut created = Vec::new();
    for _ in 0..3 {
        created.push(upstream.new_repository(&project).await);
    }
    upstream.empty_repository(false).await;
    let path = format!("{PATH}/{}/repos", project["id"]);
    let listed = walk(&upstream.admin(), &path, 2).await;
    assert_eq!(ids(&listed), ids(&created));
    for repository in &listed {
        assert_eq!(repository["project"], project);
        assert!(
            repository["properties"].get("defaultBranchId").is_none(),
            "it was not asked for: {repository}"
        );
        let single = format!("/rest/mirroring/latest/repos/{}", repository["id"]);
        assert_eq!(*repository, upstream.admin().get(&single).await.promised(200));
    }
    let page = upstream.admin().get(&format!("{path}?includeDefaultBranch=true")).await.promised(200);
    assert_eq!(page["values"][0]["properties"]["defaultBranchId"], "refs/heads/main");
    let error = upstream.admin().get(&format!("{path}?includeDefaultBranch=maybe")).await.refused(400);
    assert_eq!(error["context"], "includeDefaultBranch");
    upstream.admin().get(&format!("{PATH}/999999/repos")).await.refused(404);
}

#[tokio::test]
async fn authorisation_mirrors_see_every_repository_and_users_what_they_may_read() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let project = upstream.new_project(false).await;
    let first = upstream.new_repository(&project).await;
    let second = upstream.new_repository(&project).await;
    let both = [first["id"].clone(), second["id"].clone()];
    let call = Attempt::get(upstream, format!("{PATH}/{}/repos", project["id"]));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.forger(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    let reader = call.by(&upstream.user_on_repository(&second, "REPO_READ").await, 200).await;
    assert_eq!(ids(reader["values"].as_array().expect("is a list")), [second["id"].clone()]);
    for caller in
        [upstream.user_on_project(&project, "PROJECT_READ").await, Identity::admin(), joined.identity()]
    {
        let page = call.by(&caller, 200).await;
        assert_eq!(ids(page["values"].as_array().expect("is a list")), both, "{caller:?}");
        assert_eq!(page["isLastPage"], json!(true));
    }
}
