//! DELETE /branch-utils/.../branches: a branch goes without a push, here and on the mirror.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{
    Attempt, Identity, eventually, git, git_fails, repository_path, shared_joined_by_hand, shared_pair,
};

fn path_of(repository: &Value) -> String {
    format!("{}/branches", repository_path(repository).replace("/rest/api/", "/rest/branch-utils/"))
}

#[tokio::test]
async fn behaviour_the_branch_goes_here_and_on_the_mirror() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    let commit = git(checkout.path(), &["rev-parse", "HEAD"]);
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/a", "HEAD:refs/heads/b"]);
    pair.mirrored(&repository).await;
    let branches = |url: &url::Url| git(checkout.path(), &["ls-remote", "--heads", url.as_str()]);
    let here = pair.upstream_url(&repository);

    let path = path_of(&repository);
    let delete = |body: Value| {
        let (admin, path) = (pair.admin(), path.clone());
        async move { admin.send(Method::DELETE, &path, Some(&body)).await }
    };
    delete(json!({"name": "a", "dryRun": true})).await.promised(204);
    assert!(branches(&here).contains("refs/heads/a"), "a dry run deletes nothing");
    let other = "12".repeat(20);
    for dry_run in [true, false] {
        let body = json!({"name": "a", "endPoint": other, "dryRun": dry_run});
        assert_eq!(delete(body).await.refused(400)["context"], "endPoint");
        assert_eq!(delete(json!({"name": "main", "dryRun": dry_run})).await.refused(400)["context"], "name");
    }
    assert_eq!(branches(&here).lines().count(), 3);

    let said = git_fails(checkout.path(), &["push", here.as_str(), ":main", "HEAD:refs/heads/c"]);
    let reason =
        "main is the default branch and cannot be deleted; make another branch the default one first.";
    assert!(said.contains(&format!("remote: {reason}")) && said.contains("[remote rejected] main"), "{said}");
    assert_eq!(branches(&here).lines().count(), 4, "a push deletes it no more than a request");
    delete(json!({"name": "c"})).await.promised(204);

    delete(json!({"name": "a"})).await.promised(204);
    delete(json!({"name": "refs/heads/b", "endPoint": commit})).await.promised(204);
    delete(json!({"name": "b"})).await.promised(204);
    assert_eq!(branches(&here), format!("{commit}\trefs/heads/main"));
    let there = pair.mirror_url(&repository);
    eventually("the mirror to follow", || async { (branches(&there) == branches(&here)).then_some(()) })
        .await;
    for wrong in [json!({}), json!({"name": ""}), json!({"name": "refs/tags/v1"}), json!({"name": "a..b"})] {
        delete(wrong).await.refused(400);
    }
}

#[tokio::test]
async fn authorisation_who_may_push() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/a"]);
    let call = Attempt::delete_with(upstream, path_of(&repository), json!({"name": "a"}));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 403).await;
    call.by(&joined.identity(), 401).await;
    let refs = git(checkout.path(), &["ls-remote", upstream.admin_url(&repository).as_str()]);
    assert!(refs.contains("refs/heads/a"), "{refs}");
    call.by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 204).await;
}
