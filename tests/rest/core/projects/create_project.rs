//! POST /projects: a new project, administered by its creator.

use serde_json::{Value, json};

use crate::harness::{Attempt, Identity, project_path, shared_joined_by_hand, unique};

const PATH: &str = "/rest/api/latest/projects";

fn body() -> Value {
    let key = format!("K{}", unique());
    json!({"key": key, "name": format!("Project {key}"), "description": "About it.", "public": true})
}

#[tokio::test]
async fn behaviour_the_project_is_there_and_administered_by_its_creator() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let creator = upstream.user_with("PROJECT_CREATE").await;
    let body = body();
    let project = upstream.client(&creator).post(PATH, &body).await.promised(201);
    let key = body["key"].as_str().expect("is text").to_uppercase();
    let expected = json!({
        "id": project["id"], "key": key, "name": body["name"], "description": "About it.", "public": true,
        "type": "NORMAL", "scope": "PROJECT",
        "links": {"self": [{"href": format!("{}/projects/{key}", upstream.base())}]},
    });
    assert_eq!(project, expected);
    assert_eq!(upstream.anonymous().get(&project_path(&project)).await.promised(200), project);
    let permissions = format!("{}/permissions/users", project_path(&project));
    let holders = upstream.client(&creator).get(&permissions).await.promised(200);
    assert_eq!(holders["values"][0]["user"]["name"], creator.name());
    assert_eq!(holders["values"][0]["permission"], "PROJECT_ADMIN");
}

#[tokio::test]
async fn behaviour_keys_and_names_are_unique_in_upper_or_lower_case() {
    let admin = shared_joined_by_hand().await.upstream.admin();
    let first = body();
    let created = admin.post(PATH, &first).await.promised(201);
    let mut again = body();
    again["key"] = json!(first["key"].as_str().expect("is text").to_lowercase());
    assert_eq!(admin.post(PATH, &again).await.refused(409)["context"], "key");
    let mut again = body();
    again["name"] = json!(first["name"].as_str().expect("is text").to_uppercase());
    assert_eq!(admin.post(PATH, &again).await.refused(409)["context"], "name");
    assert_eq!(admin.get(&project_path(&created)).await.promised(200), created);

    for (field, wrong) in [
        ("key", json!("1A")),
        ("key", json!("x".repeat(129))),
        ("name", json!("~ada")),
        ("name", json!("")),
        ("public", json!("yes")),
    ] {
        let mut body = body();
        body[field] = wrong;
        assert_eq!(admin.post(PATH, &body).await.refused(400)["context"], field, "{body}");
    }
    assert_eq!(admin.post(PATH, &json!({"key": "ALONE"})).await.refused(400)["context"], "name");
}

#[tokio::test]
async fn behaviour_a_project_is_private_unless_said_otherwise() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let key = format!("K{}", unique());
    let project = upstream.admin().post(PATH, &json!({"key": key, "name": key})).await.promised(201);
    assert_eq!(project["public"], false);
    assert!(project.get("description").is_none(), "{project}");
    upstream.anonymous().get(&project_path(&project)).await.refused(401);
}

#[tokio::test]
async fn authorisation_who_may_create_projects() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    Attempt::post(upstream, PATH, body()).by(&Identity::Anonymous, 401).await;
    Attempt::post(upstream, PATH, body()).by(&Identity::impostor(), 401).await;
    Attempt::post(upstream, PATH, body()).by(&upstream.new_user().await, 403).await;
    Attempt::post(upstream, PATH, body()).by(&joined.identity(), 401).await;
    for permission in ["PROJECT_CREATE", "ADMIN", "SYS_ADMIN"] {
        Attempt::post(upstream, PATH, body()).by(&upstream.user_with(permission).await, 201).await;
    }
}
