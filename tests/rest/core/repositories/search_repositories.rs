//! GET /repos of the core API: the repositories of all projects that the caller may read.

use serde_json::{Value, json};

use crate::harness::{
    Attempt, Identity, Server, ServerOptions, every_value, project_path, shared_joined_by_hand, unique, walk,
};

const PATH: &str = "/rest/api/latest/repos";

fn has(repositories: &[Value], repository: &Value) -> bool {
    repositories.iter().any(|one| one["id"] == repository["id"])
}

#[tokio::test]
async fn behaviour_each_parameter_narrows_it_down() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let mark = unique();
    let project = upstream.new_project(false).await;
    let repositories = format!("{}/repos", project_path(&project));
    let body = json!({"name": format!("Needle {mark}"), "public": true});
    let public = upstream.admin().post(&repositories, &body).await.promised(201);
    let body = json!({"name": format!("Pin {mark}")});
    let private = upstream.admin().post(&repositories, &body).await.promised(201);
    let (key, name) = (project["key"].as_str().expect("is text"), project["name"].as_str().expect("is text"));
    let name = name.to_uppercase().replace(' ', "%20");
    for (query, expected) in [
        (format!("name={}", mark.to_uppercase()), vec![&public, &private]),
        (format!("name=needle%20{mark}"), vec![&public]),
        (format!("name={mark}&visibility=public"), vec![&public]),
        (format!("name={mark}&visibility=private"), vec![&private]),
        (format!("projectkey={key}&name=pin"), vec![&private]),
        (format!("projectname={name}"), vec![&public, &private]),
        (format!("projectkey=UNKNOWN&name={mark}"), vec![]),
    ] {
        let mut listed = walk(&upstream.admin(), &format!("{PATH}?{query}"), 1).await;
        listed.sort_by_key(|one| one["id"].as_i64());
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let error = upstream.admin().get(&format!("{PATH}?visibility=hidden")).await.refused(400);
    assert_eq!(error["context"], "visibility");
}

#[tokio::test]
async fn behaviour_goes_through_all_projects_in_pages() {
    let upstream = Server::upstream(ServerOptions::default());
    let mut created = Vec::new();
    for _ in 0..3 {
        created.push(upstream.empty_repository(false).await);
    }
    let mut listed = walk(&upstream.admin(), PATH, 2).await;
    listed.sort_by_key(|one| one["id"].as_i64());
    assert_eq!(listed, created);
}

#[tokio::test]
async fn authorisation_users_see_what_they_may_read() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let private = upstream.empty_repository(false).await;
    let public = upstream.empty_repository(true).await;
    let callers = [
        (Identity::Anonymous, false),
        (upstream.new_user().await, false),
        (upstream.user_on_repository(&private, "REPO_READ").await, true),
        (upstream.user_on_project(&private["project"], "PROJECT_READ").await, true),
        (upstream.user_with("ADMIN").await, true),
    ];
    for (caller, sees_it) in callers {
        let listed = every_value(&upstream.client(&caller), PATH).await;
        assert!(has(&listed, &public), "{caller:?}");
        assert_eq!(has(&listed, &private), sees_it, "{caller:?}");
    }
    Attempt::get(upstream, PATH).by(&Identity::impostor(), 401).await;
}
