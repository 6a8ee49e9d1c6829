//! PUT /projects/{projectKey}/repos/{repositorySlug}: changes what the body names, and mirrors follow.

use serde_json::json;

use crate::harness::{
    Attempt, Identity, clone_url, eventually, git, git_fails, repository_path, shared_joined_by_hand,
    shared_pair,
};

#[tokio::test]
async fn behaviour_what_is_left_out_stays() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let mut expected = upstream.empty_repository(false).await;
    let path = repository_path(&expected);
    for (field, value) in [
        ("description", json!("New.")),
        ("public", json!(true)),
        ("forkable", json!(!expected["forkable"].as_bool().expect("is yes or no"))),
        ("archived", json!(true)),
        ("archived", json!(false)),
        ("defaultBranch", json!("trunk")),
    ] {
        expected[field] = value.clone();
        assert_eq!(upstream.admin().put(&path, &json!({field: value})).await.promised(201), expected);
    }
    assert_eq!(upstream.anonymous().get(&path).await.promised(200), expected);
    let sibling = upstream.new_repository(&expected["project"]).await;
    upstream.admin().put(&path, &json!({"name": sibling["name"]})).await.refused(409);
    for (field, wrong) in [("name", json!("")), ("archived", json!("no")), ("defaultBranch", json!("a..b"))] {
        let error = upstream.admin().put(&path, &json!({field: wrong})).await.refused(400);
        assert_eq!(error["context"], field);
    }
    assert_eq!(upstream.admin().get(&path).await.promised(200), expected);
}

#[tokio::test]
async fn behaviour_a_new_name_moves_it_here_and_on_the_mirror() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let path = repository_path(&repository);
    let renamed = pair.admin().put(&path, &json!({"name": "A New Name"})).await.promised(201);
    assert_eq!((&renamed["slug"], &renamed["id"]), (&json!("a-new-name"), &repository["id"]));
    pair.admin().get(&path).await.refused(404);
    pair.admin().get(&repository_path(&renamed)).await.promised(200);
    git(checkout.path(), &["ls-remote", pair.upstream_url(&renamed).as_str()]);
    git_fails(checkout.path(), &["ls-remote", pair.upstream_url(&repository).as_str()]);
    let url = clone_url(pair.mirror.base_url(), &renamed, None);
    eventually("the mirror to follow", || async {
        let found = pair.available(&renamed).await?;
        (found["cloneUrls"][0]["href"] == url.as_str()).then_some(())
    })
    .await;
    git(checkout.path(), &["ls-remote", pair.mirror_url(&renamed).as_str()]);
}

#[tokio::test]
async fn behaviour_what_is_archived_can_be_read_but_not_pushed_to() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let path = repository_path(&repository);
    upstream.admin().put(&path, &json!({"archived": true})).await.promised(201);
    let url = upstream.admin_url(&repository);
    git(checkout.path(), &["ls-remote", url.as_str()]);
    git_fails(checkout.path(), &["push", url.as_str(), "HEAD:refs/heads/late"]);
    upstream.admin().put(&path, &json!({"archived": false})).await.promised(201);
    checkout.push(&url, &["HEAD:refs/heads/late"]);
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    let call = Attempt::put(upstream, repository_path(&repository), json!({"description": "Changed."}));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 403).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 403).await;
    call.by(&upstream.user_on_project(&repository["project"], "PROJECT_WRITE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    let unchanged = upstream.admin().get(&repository_path(&repository)).await.promised(200);
    assert!(unchanged.get("description").is_none(), "{unchanged}");
    call.by(&upstream.user_on_repository(&repository, "REPO_ADMIN").await, 201).await;
    call.by(&upstream.user_on_project(&repository["project"], "PROJECT_ADMIN").await, 201).await;
    call.by(&Identity::admin(), 201).await;
}
