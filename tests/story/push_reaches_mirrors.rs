//! A push reaches every mirror, and every mirror tells the upstream.

use crate::harness::{Pair, Server, ServerOptions, eventually, git};
use serde_json::Value;

async fn served_by_mirror(pair: &Pair, repository: &Value, branch: &str, commit: &str) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let url = pair.mirror_url(repository);
    let reference = format!("refs/heads/{branch}");
    eventually("the mirror to serve the push", || async {
        let found = git(folder.path(), &["ls-remote", url.as_str(), &reference]);
        if commit.is_empty() {
            found.is_empty().then_some(())
        } else {
            found.starts_with(commit).then_some(())
        }
    })
    .await;
}

#[tokio::test]
async fn additions_updates_forced_updates_and_deletions_are_followed() {
    let pair = crate::harness::shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    let upstream = pair.upstream_url(&repository);
    pair.mirrored(&repository).await;

    let second = checkout.commit("a.txt", "second\n");
    checkout.push(&upstream, &["HEAD:refs/heads/main", "HEAD:refs/heads/feature"]);
    served_by_mirror(pair, &repository, "main", &second).await;
    served_by_mirror(pair, &repository, "feature", &second).await;

    git(checkout.path(), &["reset", "--quiet", "--hard", "HEAD~1"]);
    let forced = checkout.commit("b.txt", "another second\n");
    checkout.push(&upstream, &["+HEAD:refs/heads/main", ":refs/heads/feature"]);
    served_by_mirror(pair, &repository, "main", &forced).await;
    served_by_mirror(pair, &repository, "feature", "").await;
}

#[tokio::test]
async fn hashes_on_both_sides_are_what_one_shell_line_computes() {
    let pair = crate::harness::shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    let mirrored = pair.mirrored(&repository).await;
    assert_eq!(mirrored["status"], "AVAILABLE");
    let path = format!("/rest/mirroring/latest/repos/{}", repository["id"]);
    let properties = pair.admin().get(&path).await.expect(200).json()["properties"].clone();
    let commit = git(checkout.path(), &["rev-parse", "HEAD"]);
    let line = format!("printf '{commit} refs/heads/main\\n' | sha256sum | cut -d' ' -f1");
    let hash =
        std::process::Command::new("sh").args(["-c", &line]).output().expect("sha256sum can be run").stdout;
    assert_eq!(properties["contentHash"], String::from_utf8_lossy(&hash).trim());
}

#[tokio::test]
async fn two_mirrors_follow_the_same_upstream() {
    let pair = Pair::start().await;
    let second = Server::mirror(pair.upstream.base_url(), "Hanoi", ServerOptions::default());
    let accepted = pair.join("Hanoi").await;
    assert_eq!(accepted["name"], "Hanoi");
    let (repository, checkout) = pair.pushed_repository(false).await;
    let commit = git(checkout.path(), &["rev-parse", "HEAD"]);
    let password = crate::harness::ADMIN_PASSWORD;
    for base in [pair.mirror.base_url(), second.base_url()] {
        let url = crate::harness::clone_url(base, &repository, Some(("admin", password)));
        eventually("both mirrors", || async {
            let output =
                crate::harness::git_output(checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
            String::from_utf8_lossy(&output.stdout).starts_with(&commit).then_some(())
        })
        .await;
    }
    let links = pair.admin().get(&format!("/rest/mirroring/latest/repos/{}/mirrors", repository["id"])).await;
    assert_eq!(links.expect(200).json()["values"].as_array().map(Vec::len), Some(2));
}
