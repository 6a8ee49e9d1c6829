//! DELETE /projects/{projectKey}/repos/{repositorySlug}: out of service at once, here and on the mirrors.

use crate::harness::{
    Attempt, Identity, eventually, git_fails, repository_path, shared_joined_by_hand, shared_pair,
};

#[tokio::test]
async fn behaviour_it_is_gone_here_at_once_and_on_the_mirror_soon() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let path = repository_path(&repository);
    pair.admin().delete(&path).await.promised(202);
    pair.admin().get(&path).await.refused(404);
    pair.admin().delete(&path).await.refused(404);
    pair.admin().get(&format!("/rest/mirroring/latest/repos/{}", repository["id"])).await.refused(404);
    git_fails(checkout.path(), &["ls-remote", pair.upstream_url(&repository).as_str()]);
    eventually("the mirror to follow", || async {
        pair.available(&repository).await.is_none().then_some(())
    })
    .await;
    git_fails(checkout.path(), &["ls-remote", pair.mirror_url(&repository).as_str()]);
    let again = pair.new_repository(&repository["project"]).await;
    assert_ne!(again["id"], repository["id"], "ids are not used twice");
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    let call = Attempt::delete(upstream, repository_path(&repository));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 403).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_ADMIN").await, 202).await;
    let another = upstream.empty_repository(true).await;
    let call = Attempt::delete(upstream, repository_path(&another));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&upstream.new_user().await, 403).await;
    call.by(&Identity::admin(), 202).await;
}
