//! POST .../repos/{repositorySlug}/branches: a branch without a push, announced as one.

use serde_json::json;

use crate::harness::{
    Attempt, Identity, eventually, git, repository_path, shared_joined_by_hand, shared_pair,
};

#[tokio::test]
async fn behaviour_starts_at_a_branch_a_tag_or_a_commit_and_reaches_the_mirror() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let first = git(checkout.path(), &["rev-parse", "HEAD"]);
    git(checkout.path(), &["tag", "--annotate", "v1", "--message", "one"]);
    let second = checkout.commit("second.txt", "second\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main", "refs/tags/v1"]);

    let path = format!("{}/branches", repository_path(&repository));
    let starts = [
        ("main", &second),
        ("refs/heads/main", &second),
        ("v1", &first),
        ("refs/tags/v1", &first),
        (first.as_str(), &first),
        (&second[..7], &second),
    ];
    for (number, (start, commit)) in starts.into_iter().enumerate() {
        let name = format!("new/{number}");
        let body = json!({"name": name, "startPoint": start, "message": "why"});
        let branch = pair.admin().post(&path, &body).await.promised(200);
        let expected = json!({"id": format!("refs/heads/{name}"), "displayId": name, "type": "BRANCH",
            "latestCommit": commit, "latestChangeset": commit, "default": false, "isDefault": false});
        assert_eq!(branch, expected, "from {start}");
    }
    let upstream = git(checkout.path(), &["ls-remote", pair.upstream_url(&repository).as_str()]);
    assert!(upstream.contains(&format!("{second}\trefs/heads/new/5")), "{upstream}");
    eventually("the mirror to have them all", || async {
        let there = git(checkout.path(), &["ls-remote", pair.mirror_url(&repository).as_str()]);
        (there == upstream).then_some(())
    })
    .await;
}

#[tokio::test]
async fn behaviour_what_cannot_be_created_changes_nothing() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let path = format!("{}/branches", repository_path(&repository));
    let before = git(checkout.path(), &["ls-remote", upstream.admin_url(&repository).as_str()]);
    // A file system does not hold it as the name of a file.
    let too_long = "x".repeat(251);
    for (name, start, status) in [
        ("main", "main", 409),
        ("main/below", "main", 409),
        ("a..b", "main", 400),
        (too_long.as_str(), "main", 400),
        ("refs/tags/v1", "main", 400),
        ("refs/heliostat/x", "main", 400),
        ("new", "unknown", 404),
        ("new", "main~1", 404),
        ("new", "--all", 404),
        ("new", "1212121212121212121212121212121212121212", 404),
    ] {
        let body = json!({"name": name, "startPoint": start});
        upstream.admin().post(&path, &body).await.refused(status);
    }
    for wrong in
        [json!({"name": "new"}), json!({"startPoint": "main"}), json!({"name": "", "startPoint": "main"})]
    {
        upstream.admin().post(&path, &wrong).await.refused(400);
    }
    assert_eq!(git(checkout.path(), &["ls-remote", upstream.admin_url(&repository).as_str()]), before);
}

#[tokio::test]
async fn authorisation_who_may_push() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let (repository, _) = upstream.pushed_repository(false).await;
    let path = format!("{}/branches", repository_path(&repository));
    let call = |name: &str| Attempt::post(upstream, &path, json!({"name": name, "startPoint": "main"}));
    call("a").by(&Identity::Anonymous, 401).await;
    call("a").by(&Identity::impostor(), 401).await;
    call("a").by(&upstream.new_user().await, 404).await;
    call("a").by(&upstream.user_on_repository(&repository, "REPO_READ").await, 403).await;
    call("a").by(&joined.identity(), 401).await;
    call("a").by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 200).await;
    call("b").by(&Identity::admin(), 200).await;
}
