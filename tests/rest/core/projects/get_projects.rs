//! GET /projects: the projects that the caller may see.

use serde_json::{Value, json};

use crate::harness::{
    Attempt, Identity, Server, ServerOptions, every_value, shared_joined_by_hand, unique, walk,
};

const PATH: &str = "/rest/api/latest/projects";

fn has(projects: &[Value], project: &Value) -> bool {
    projects.iter().any(|one| one["id"] == project["id"])
}

#[tokio::test]
async fn behaviour_goes_through_the_projects_in_pages() {
    let upstream = Server::upstream(ServerOptions::default());
    let mut created = Vec::new();
    for number in 0..3 {
        created.push(upstream.new_project(number == 1).await);
    }
    let mut listed = walk(&upstream.admin(), PATH, 2).await;
    listed.sort_by_key(|project| project["id"].as_i64());
    assert_eq!(listed, created);
    assert_eq!(walk(&upstream.anonymous(), PATH, 1).await, [created[1].clone()]);
}

#[tokio::test]
async fn behaviour_filters_by_name_and_permission() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let name = format!("Needle {}", unique());
    let body = json!({"key": format!("N{}", unique()), "name": name});
    let project = upstream.admin().post(PATH, &body).await.promised(201);
    let wanted = name[2..].to_uppercase().replace(' ', "%20");
    let found = upstream.admin().get(&format!("{PATH}?name={wanted}")).await.promised(200);
    assert_eq!(found["values"], json!([project]));

    let writer = upstream.client(&upstream.user_on_project(&project, "PROJECT_WRITE").await);
    for (permission, listed) in [("PROJECT_READ", true), ("PROJECT_WRITE", true), ("PROJECT_ADMIN", false)] {
        let path = format!("{PATH}?permission={permission}");
        assert_eq!(has(&every_value(&writer, &path).await, &project), listed, "{permission}");
    }
    let error = writer.get(&format!("{PATH}?permission=REPO_READ")).await.refused(400);
    assert_eq!(error["context"], "permission");
}

#[tokio::test]
async fn authorisation_users_see_what_they_may_read() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let private = upstream.new_project(false).await;
    let public = upstream.new_project(true).await;
    let repository = upstream.new_repository(&private).await;
    let callers = [
        (Identity::Anonymous, false),
        (upstream.new_user().await, false),
        (upstream.user_on_project(&private, "PROJECT_READ").await, true),
        (upstream.user_on_repository(&repository, "REPO_READ").await, true),
        (upstream.user_with("ADMIN").await, true),
    ];
    for (caller, sees_it) in callers {
        let listed = every_value(&upstream.client(&caller), PATH).await;
        assert!(has(&listed, &public), "{caller:?}");
        assert_eq!(has(&listed, &private), sees_it, "{caller:?}");
    }
    Attempt::get(upstream, PATH).by(&Identity::impostor(), 401).await;
}
