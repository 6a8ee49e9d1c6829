//! GET /mirrorRepos/{externalRepositoryId}/wait: as at the address with the upstream's id, which is implied.

use serde_json::Value;

use crate::harness::{Attempt, Identity, git, shared_pair, shared_upstream_by_hand};

fn address(repository: &Value) -> String {
    format!("/rest/mirroring/latest/mirrorRepos/{}/wait", repository["id"])
}

#[tokio::test]
async fn behaviour_tells_whether_a_commit_is_here() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let (client, address) = (pair.mirror_admin(), address(&repository));
    let first = git(checkout.path(), &["rev-parse", "HEAD"]);
    let here = client.get(&format!("{address}?commit={first}&ref=refs/heads/main&timeout=0")).await;
    assert_eq!(here.promised(200)["repositoryId"], repository["id"].to_string());
    let later = checkout.commit("later.txt", "not pushed yet\n");
    client.get(&format!("{address}?commit={later}&timeout=0")).await.refused(409);
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    client.get(&format!("{address}?commit={later}&timeout=300")).await.promised(200);
    client.get(&format!("{address}?commit=main")).await.refused(400);
    client.get(&format!("{address}?sha={first}")).await.refused(400);
    client.get("/rest/mirroring/latest/mirrorRepos/999999/wait").await.refused(404);
}

#[tokio::test]
async fn authorisation_readers_and_no_one_else() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let call = Attempt::get(&pair.mirror, format!("{}?timeout=300", address(&repository)));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&pair.new_user().await, 404).await;
    call.by(&pair.upstream.user_on_repository(&repository, "REPO_READ").await, 200).await;

    let by_hand = shared_upstream_by_hand().await;
    let call = Attempt::get(&by_hand.mirror, "/rest/mirroring/latest/mirrorRepos/24/wait".to_owned());
    call.by(&by_hand.identity_with(&"0".repeat(64)), 401).await;
    call.by(&by_hand.identity(), 404).await;
}
