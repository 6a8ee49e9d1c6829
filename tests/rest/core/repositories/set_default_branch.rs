//! PUT .../repos/{repositorySlug}/default-branch: another branch becomes the default one, on the mirrors too.

use serde_json::json;

use crate::harness::{
    ADMIN_PASSWORD, Attempt, Identity, binary, eventually, git, repository_path, shared_joined_by_hand,
    shared_pair,
};

#[tokio::test]
async fn behaviour_clones_check_it_out_here_and_on_the_mirror() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/trunk"]);
    pair.mirrored(&repository).await;
    let path = format!("{}/default-branch", repository_path(&repository));
    pair.admin().put(&path, &json!({"id": "refs/heads/trunk"})).await.promised(204);
    assert_eq!(pair.admin().get(&path).await.promised(200)["displayId"], "trunk");
    let branches = pair.admin().get(&path.replace("default-branch", "branches")).await.promised(200);
    assert_eq!(branches["values"][1]["isDefault"], true, "{branches}");

    let head = |url: &url::Url| git(checkout.path(), &["ls-remote", "--symref", url.as_str(), "HEAD"]);
    let expected = "ref: refs/heads/trunk\tHEAD";
    assert!(head(&pair.upstream_url(&repository)).starts_with(expected));
    let there = pair.mirror_url(&repository);
    eventually("the mirror to follow", || async { head(&there).starts_with(expected).then_some(()) }).await;
    pair.admin().put(&path, &json!({"id": "main"})).await.promised(204);
    assert_eq!(pair.admin().get(&path).await.promised(200)["id"], "refs/heads/main");
}

#[tokio::test]
async fn behaviour_a_branch_that_is_not_there_changes_nothing() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/tags/v1"]);
    let path = format!("{}/default-branch", repository_path(&repository));
    upstream.admin().put(&path, &json!({"id": "refs/heads/unknown"})).await.refused(404);
    for wrong in [json!({}), json!({"id": ""}), json!({"id": 7}), json!({"id": "a..b"})] {
        upstream.admin().put(&path, &wrong).await.refused(400);
    }
    let status = upstream.admin().put(&path, &json!({"id": "refs/tags/v1"})).await.status;
    assert!(status == 400 || status == 404, "a tag was answered {status}");
    assert_eq!(upstream.admin().get(&path).await.promised(200)["id"], "refs/heads/main");
}

#[tokio::test]
async fn behaviour_an_import_that_overwrites_brings_its_own_default_branch() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    git(checkout.path(), &["branch", "--quiet", "-m", "trunk"]);
    let text = |pointer| repository.pointer(pointer).and_then(serde_json::Value::as_str).expect("text");
    let import = std::process::Command::new(binary())
        .args(["repository", "import", checkout.path().to_str().expect("is UTF-8"), "--overwrite"])
        .args(["--project", text("/project/key"), "--name", text("/name")])
        .args(["--url", upstream.base_url().as_str()])
        .env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD)
        .output()
        .expect("the binary can be started");
    assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
    let heads = git(checkout.path(), &["ls-remote", "--heads", upstream.admin_url(&repository).as_str()]);
    assert!(heads.ends_with("\trefs/heads/trunk") && heads.lines().count() == 1, "{heads}");
    let path = format!("{}/default-branch", repository_path(&repository));
    assert_eq!(upstream.admin().get(&path).await.promised(200)["id"], "refs/heads/trunk");
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let (repository, _) = upstream.pushed_repository(false).await;
    let path = format!("{}/default-branch", repository_path(&repository));
    let call = Attempt::put(upstream, path, json!({"id": "refs/heads/main"}));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 403).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_ADMIN").await, 204).await;
    call.by(&Identity::admin(), 204).await;
}
