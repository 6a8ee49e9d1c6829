//! GET .../branches/default: the default branch where client libraries look for it.

use crate::harness::{Attempt, Identity, git, repository_path, shared_joined_by_hand};

#[tokio::test]
async fn behaviour_names_the_branch_and_its_tip_once_it_is_there() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let path = format!("{}/branches", repository_path(&repository));
    let found = upstream.admin().get(&format!("{path}/default")).await.promised(200);
    let listed = upstream.admin().get(&path).await.promised(200);
    assert_eq!(found, listed["values"][0]);
    assert_eq!(found["latestCommit"], git(checkout.path(), &["rev-parse", "HEAD"]));
    let empty = upstream.empty_repository(false).await;
    upstream.admin().get(&format!("{}/branches/default", repository_path(&empty))).await.refused(404);
}

#[tokio::test]
async fn authorisation_who_may_read_the_repository() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, _) = upstream.pushed_repository(false).await;
    let call = Attempt::get(upstream, format!("{}/branches/default", repository_path(&repository)));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 200).await;
}
