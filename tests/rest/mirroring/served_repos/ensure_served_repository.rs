//! POST /servedRepos/ensure: answers when what is named of a repository can be fetched here.

use serde_json::{Value, json};

use crate::harness::{Attempt, Identity, Pair, git, shared_pair};

const ADDRESS: &str = "/rest/mirroring/latest/servedRepos/ensure";

fn path_of(pair: &Pair, repository: &Value) -> String {
    pair.mirror_url(repository).path().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn behaviour_answers_when_all_that_is_named_is_here() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let (path, client) = (path_of(pair, &repository), pair.mirror_admin());
    let first = git(checkout.path(), &["rev-parse", "HEAD"]);
    let wanted = json!({"repository": path, "commits": [first], "refs": ["refs/heads/main"], "wait": 300});
    let here = client.post(ADDRESS, &wanted).await.promised(200);
    assert_eq!(here["path"], path.as_str());
    assert_eq!(here["pushUrl"], format!("{}{path}", pair.upstream.base()));
    // Nothing named is everything; the URLs at the upstream and here are as good as the path.
    for server in [&pair.upstream, &pair.mirror] {
        let wanted = json!({"repository": format!("{}{path}", server.base())});
        client.post(ADDRESS, &wanted).await.promised(200);
    }

    let later = checkout.commit("later.txt", "not pushed yet\n");
    let refused = client.post(ADDRESS, &json!({"repository": path, "commits": [later], "wait": 0})).await;
    assert!(refused.text.contains(&format!("does not have the commit {later}")), "{}", refused.text);
    refused.refused(409);
    let wanted = json!({"repository": path, "commits": [first, later], "wait": 300});
    let waiting = tokio::spawn(async move { pair.mirror_admin().post(ADDRESS, &wanted).await.promised(200) });
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    waiting.await.expect("it does not panic");
    let absent = json!({"repository": path, "refs": ["refs/heads/other"], "wait": 1});
    let message = client.post(ADDRESS, &absent).await.refused(409)["message"].to_string();
    assert!(message.contains("After 1 s") && message.contains("refs/heads/other"), "{message}");
}

#[tokio::test]
async fn behaviour_what_is_badly_named_is_400_and_what_is_not_there_404() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let (path, client) = (path_of(pair, &repository), pair.mirror_admin());
    for (wrong, field) in [
        (json!({"repository": path, "commits": ["main"]}), "commits"),
        (json!({"repository": path, "refs": ["a..b"]}), "refs"),
        (json!({"repository": path, "wait": 301}), "wait"),
        (json!({"repository": "nowhere"}), "repository"),
        (json!({"repository": format!("https://elsewhere.example.com{path}")}), "repository"),
        (json!({"commits": []}), "repository"),
        // Who waited for nothing because of a slip would begin too early.
        (json!({"repository": path, "commit": "1".repeat(40)}), "commit"),
    ] {
        assert_eq!(client.post(ADDRESS, &wrong).await.refused(400)["context"], field, "{wrong}");
    }
    let named = client.post(ADDRESS, &json!({"repository": path, "commits": ["main"]})).await.refused(400);
    let message = named["message"].as_str().expect("a message");
    assert!(message.contains("full name") && !message.contains('^'), "{message}");
    client.post(ADDRESS, &json!({"repository": "/scm/nowhere/nothing.git"})).await.refused(404);
}

#[tokio::test]
async fn authorisation_readers_and_no_one_else() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let wanted = json!({"repository": path_of(pair, &repository), "wait": 300});
    let call = Attempt::post(&pair.mirror, ADDRESS.to_owned(), wanted);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&pair.new_user().await, 404).await;
    call.by(&pair.upstream.user_on_repository(&repository, "REPO_READ").await, 200).await;
}
