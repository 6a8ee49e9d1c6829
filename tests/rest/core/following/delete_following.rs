//! DELETE /projects/{projectKey}/repos/{repositorySlug}/following: it follows nothing any more.

use super::{NOWHERE, Source, follow, path_of, stands};
use crate::harness::{Attempt, Identity, git, git_fails, shared_joined_by_hand};

#[tokio::test]
async fn behaviour_what_is_there_stays_and_is_pushed_to_again() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let (path, url) = (path_of(&repository), upstream.admin_url(&repository));
    upstream.admin().delete(&path).await.refused(404);
    let source = Source::new();
    follow(upstream, &repository, &source.url).await;
    stands(upstream, &repository, "IN_STEP").await;
    let refused = git_fails(source.checkout.path(), &["push", url.as_str(), "HEAD:refs/heads/new"]);
    assert!(refused.contains(&source.url), "{refused}");

    upstream.admin().delete(&path).await.expect(204);
    upstream.admin().get(&path).await.refused(404);
    source.checkout.push(&url, &["HEAD:refs/heads/new"]);
    let tip = git(source.checkout.path(), &["rev-parse", "HEAD"]);
    let listed = git(source.checkout.path(), &["ls-remote", "--heads", url.as_str()]);
    assert_eq!(listed, format!("{tip}\trefs/heads/main\n{tip}\trefs/heads/new"));
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    follow(upstream, &repository, NOWHERE).await;
    let call = Attempt::delete(upstream, path_of(&repository));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.identity(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 403).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 403).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_ADMIN").await, 204).await;
    follow(upstream, &repository, NOWHERE).await;
    call.by(&Identity::admin(), 204).await;
}
