//! PUT /projects/{projectKey}: changes what the body names.

use serde_json::json;

use crate::harness::{
    Attempt, Identity, clone_url, eventually, git, project_path, repository_path, shared_joined_by_hand,
    shared_pair, unique,
};

#[tokio::test]
async fn behaviour_what_is_left_out_stays() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let mut expected = upstream.new_project(false).await;
    let path = project_path(&expected);
    let name = format!("Renamed {}", unique());
    for (field, value) in [("name", json!(name)), ("description", json!("New.")), ("public", json!(true))] {
        expected[field] = value.clone();
        assert_eq!(upstream.admin().put(&path, &json!({field: value})).await.promised(200), expected);
    }
    assert_eq!(upstream.admin().put(&path, &json!({})).await.promised(200), expected);
    assert_eq!(upstream.anonymous().get(&path).await.promised(200), expected);

    let other = upstream.new_project(false).await;
    for field in ["key", "name"] {
        let error = upstream.admin().put(&path, &json!({field: other[field]})).await.refused(409);
        assert_eq!(error["context"], field);
    }
    let error = upstream.admin().put(&path, &json!({"key": "no key"})).await.refused(400);
    assert_eq!(error["context"], "key");
    assert_eq!(upstream.admin().get(&path).await.promised(200), expected);
    upstream.admin().put("/rest/api/latest/projects/UNKNOWN", &json!({})).await.refused(404);
}

#[tokio::test]
async fn behaviour_a_new_key_moves_the_repositories_and_mirrors_follow() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let old = project_path(&repository["project"]);
    let key = format!("M{}", unique().to_uppercase());
    let moved = pair.admin().put(&old, &json!({"key": key})).await.promised(200);
    assert_eq!((&moved["key"], &moved["id"]), (&json!(key), &repository["project"]["id"]));
    pair.admin().get(&old).await.refused(404);

    let mut renamed = repository;
    renamed["project"]["key"] = json!(key);
    let there = pair.admin().get(&repository_path(&renamed)).await.promised(200);
    let url = clone_url(pair.upstream.base_url(), &renamed, None);
    assert_eq!(there["links"]["clone"][0]["href"], url.as_str());
    git(checkout.path(), &["ls-remote", pair.upstream_url(&renamed).as_str()]);
    let url = clone_url(pair.mirror.base_url(), &renamed, None);
    eventually("the mirror to follow", || async {
        let found = pair.available(&renamed).await?;
        (found["cloneUrls"][0]["href"] == url.as_str()).then_some(())
    })
    .await;
    git(checkout.path(), &["ls-remote", pair.mirror_url(&renamed).as_str()]);
}

#[tokio::test]
async fn authorisation_administrators_of_the_project() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let project = upstream.new_project(false).await;
    let call = Attempt::put(upstream, project_path(&project), json!({"description": "Changed."}));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_project(&project, "PROJECT_READ").await, 403).await;
    call.by(&upstream.user_on_project(&project, "PROJECT_WRITE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    let unchanged = upstream.admin().get(&project_path(&project)).await.promised(200);
    assert!(unchanged.get("description").is_none(), "{unchanged}");
    call.by(&upstream.user_on_project(&project, "PROJECT_ADMIN").await, 200).await;
    call.by(&upstream.user_with("ADMIN").await, 200).await;
    call.by(&Identity::admin(), 200).await;
}
