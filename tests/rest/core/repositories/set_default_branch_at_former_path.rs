//! PUT .../branches/default: another default branch, as client libraries ask for it.

use serde_json::json;

use crate::harness::{Attempt, Identity, repository_path, shared_joined_by_hand};

#[tokio::test]
async fn behaviour_both_addresses_tell_the_change() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/trunk"]);
    let path = repository_path(&repository);
    let former = format!("{path}/branches/default");
    upstream.admin().put(&former, &json!({"id": "refs/heads/trunk"})).await.promised(204);
    for address in [former.clone(), format!("{path}/default-branch")] {
        assert_eq!(upstream.admin().get(&address).await.promised(200)["displayId"], "trunk");
    }
    upstream.admin().put(&former, &json!({"id": "refs/heads/unknown"})).await.refused(404);
    upstream.admin().put(&former, &json!({"id": "a..b"})).await.refused(400);
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, _) = upstream.pushed_repository(false).await;
    let path = format!("{}/branches/default", repository_path(&repository));
    let call = Attempt::put(upstream, path, json!({"id": "main"}));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 403).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_ADMIN").await, 204).await;
}
