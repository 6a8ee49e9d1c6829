//! Killing either role at any moment loses nothing acknowledged; both converge by themselves.

use crate::harness::{Pair, ServerOptions, bare_repositories, eventually, git, git_output};
use serde_json::Value;

async fn converged(pair: &Pair, repository: &Value, commit: &str) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let url = pair.mirror_url(repository);
    eventually("the mirror to converge", || async {
        let output = git_output(folder.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
        String::from_utf8_lossy(&output.stdout).starts_with(commit).then_some(())
    })
    .await;
    git(folder.path(), &["clone", "--quiet", url.as_str(), "copy"]);
    git(&folder.path().join("copy"), &["fsck", "--connectivity-only"]);
}

#[tokio::test]
async fn a_mirror_killed_before_it_followed_a_push_catches_up() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    pair.mirror.kill();
    let commit = checkout.commit("while-away.txt", "pushed while the mirror was away\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    pair.mirror.restart();
    converged(&pair, &repository, &commit).await;
}

#[tokio::test]
async fn a_mirror_killed_in_the_middle_of_a_synchronisation_catches_up() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    let mut commit = String::new();
    for number in 0..5 {
        commit = checkout.commit("large.txt", &format!("{number} {}\n", "x".repeat(1_000_000)));
        checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
        // Each push sets a synchronisation off; the mirror dies in the midst of some of them.
        pair.mirror.restart();
    }
    converged(&pair, &repository, &commit).await;
}

#[tokio::test]
async fn an_upstream_killed_right_after_it_acknowledged_a_push_still_announces_it() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let mut commit = String::new();
    for number in 0..5 {
        commit = checkout.commit("a.txt", &format!("{number}\n"));
        checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
        pair.upstream.restart();
    }
    let refs =
        git(checkout.path(), &["ls-remote", pair.upstream_url(&repository).as_str(), "refs/heads/main"]);
    assert!(refs.starts_with(&commit), "an acknowledged push was lost: {refs}");
    converged(&pair, &repository, &commit).await;
}

#[tokio::test]
async fn the_sweep_finds_what_events_missed() {
    let options =
        ServerOptions { arguments: vec!["--sweep-interval".into(), "1s".into()], ..Default::default() };
    let mut pair = Pair::start_with(ServerOptions::default(), options).await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    // A change that no event tells of: made in the repository on disk while the upstream is down.
    pair.upstream.kill_with_children();
    let commit = checkout.commit("behind-the-back.txt", "no event\n");
    let on_disk = bare_repositories(&pair.upstream.data()).pop().expect("the upstream has one repository");
    git(checkout.path(), &["push", "--quiet", on_disk.to_str().expect("is UTF-8"), "HEAD:refs/heads/main"]);
    pair.upstream.restart();
    converged(&pair, &repository, &commit).await;
}
