//! GET .../repos/{repositorySlug}/default-branch: the branch that a clone checks out.

use serde_json::json;

use crate::harness::{Attempt, Identity, repository_path, shared_joined_by_hand};

#[tokio::test]
async fn behaviour_is_there_even_before_the_first_push() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let path = format!("{}/default-branch", repository_path(&repository));
    let main = json!({"id": "refs/heads/main", "displayId": "main", "type": "BRANCH"});
    assert_eq!(upstream.admin().get(&path).await.promised(200), main);
    let trunk = json!({"defaultBranch": "release/trunk"});
    upstream.admin().put(&repository_path(&repository), &trunk).await.promised(201);
    let trunk = json!({"id": "refs/heads/release/trunk", "displayId": "release/trunk", "type": "BRANCH"});
    assert_eq!(upstream.admin().get(&path).await.promised(200), trunk);
    let unknown = format!("{}-unknown/default-branch", repository_path(&repository));
    upstream.admin().get(&unknown).await.refused(404);
}

#[tokio::test]
async fn authorisation_who_may_read_the_repository() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let call = Attempt::get(upstream, format!("{}/default-branch", repository_path(&repository)));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 200).await;
    call.by(&Identity::admin(), 200).await;
    let public = upstream.empty_repository(true).await;
    let call = Attempt::get(upstream, format!("{}/default-branch", repository_path(&public)));
    call.by(&Identity::Anonymous, 200).await;
}
