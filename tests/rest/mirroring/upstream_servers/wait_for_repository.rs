//! GET /upstreamServers/{upstreamId}/repos/{upstreamRepoId}/wait: answers when a commit or a ref can be fetched here.

use serde_json::Value;

use crate::harness::{Attempt, Identity, Pair, git, shared_pair};

async fn address(pair: &Pair, repository: &Value) -> String {
    pair.mirror_path(&format!("/repos/{}/wait", repository["id"])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn behaviour_answers_when_the_commit_is_here() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let first = git(checkout.path(), &["rev-parse", "HEAD"]);
    let address = address(pair, &repository).await;
    let client = pair.mirror_admin();
    let here = client.get(&format!("{address}?commit={first}&ref=refs/heads/main&timeout=0")).await;
    assert_eq!(here.promised(200)["available"], true);
    client.get(&address).await.promised(200);

    let later = checkout.commit("later.txt", "not pushed yet\n");
    let asked = format!("{address}?commit={later}");
    let refused = client.get(&format!("{asked}&timeout=0")).await;
    assert!(refused.text.contains(&format!("does not have the commit {later}")), "{}", refused.text);
    refused.refused(409);
    let waiting = format!("{asked}&ref=refs/heads/main&timeout=300");
    let waiting = tokio::spawn(async move { pair.mirror_admin().get(&waiting).await.promised(200) });
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    let here = waiting.await.expect("it does not panic");
    assert_eq!(here["generation"], here["upstreamGeneration"]);
    let shown = git(checkout.path(), &["ls-remote", pair.mirror_url(&repository).as_str()]);
    assert!(shown.contains(&format!("{later}\trefs/heads/main")), "{shown}");
    // What lies below the ref is reached by it.
    client.get(&format!("{address}?commit={first}&ref=refs/heads/main&timeout=0")).await.promised(200);
    client.get(&format!("{address}?ref=refs/heads/other&timeout=0")).await.refused(409);
}

#[tokio::test]
async fn behaviour_what_is_badly_named_is_400_and_what_is_not_there_404() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let (client, address) = (pair.mirror_admin(), address(pair, &repository).await);
    for query in ["commit=main", "commit=8d2e6f4b", "ref=a..b", "timeout=-1", "timeout=301", "timeout=x"] {
        client.get(&format!("{address}?{query}")).await.refused(400);
    }
    let commit = "8d2e6f4b1c3a5d7e9f0b2c4d6e8f0a1b3c5d7e9f";
    for query in [format!("sha={commit}"), format!("timeout=0&sha={commit}"), "sha".to_owned()] {
        let error = client.get(&format!("{address}?{query}")).await.refused(400);
        let message = error["message"].as_str().expect("is text");
        assert!(message.contains("\"sha\"") && message.contains("commit, ref, timeout"), "{message}");
        assert_eq!(error["context"], "sha");
    }
    let here = format!("/{}/wait", repository["id"]);
    client.get(&address.replace(&here, "/999999/wait")).await.refused(404);
}

#[tokio::test]
async fn authorisation_readers_and_no_one_else() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let address = address(pair, &repository).await;
    let call = Attempt::get(&pair.mirror, format!("{address}?timeout=300"));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&pair.new_user().await, 404).await;
    call.by(&pair.upstream.user_on_repository(&repository, "REPO_READ").await, 200).await;
}
