//! POST /branch-utils/.../branches: the same branch, answered with 201.

use serde_json::json;

use crate::harness::{Attempt, Identity, git, repository_path, shared_joined_by_hand};

fn path_of(repository: &serde_json::Value) -> String {
    format!("{}/branches", repository_path(repository).replace("/rest/api/", "/rest/branch-utils/"))
}

#[tokio::test]
async fn behaviour_the_branch_is_there_for_git() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let commit = git(checkout.path(), &["rev-parse", "HEAD"]);
    let body = json!({"name": "refs/heads/feature/lenses", "startPoint": commit});
    let branch = upstream.admin().post(&path_of(&repository), &body).await.promised(201);
    assert_eq!(
        (&branch["displayId"], &branch["latestCommit"]),
        (&"feature/lenses".into(), &commit.clone().into())
    );
    let refs = git(checkout.path(), &["ls-remote", upstream.admin_url(&repository).as_str()]);
    assert!(refs.contains(&format!("{commit}\trefs/heads/feature/lenses")), "{refs}");
    upstream.admin().post(&path_of(&repository), &body).await.refused(409);
    let body = json!({"name": "x", "startPoint": "unknown"});
    upstream.admin().post(&path_of(&repository), &body).await.refused(404);
}

#[tokio::test]
async fn authorisation_who_may_push() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let (repository, _) = upstream.pushed_repository(false).await;
    let call = Attempt::post(upstream, path_of(&repository), json!({"name": "a", "startPoint": "main"}));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 201).await;
}
