//! A new mirror takes small repositories many at a time, and with git only what does not come in that way.

use std::fs;

use serde_json::Value;

use crate::harness::{Checkout, Pair, Server, ServerOptions, eventually, git, noise, refs_hash};

/// More than what counts as small.
const LARGE_BYTES: usize = 3 * 1024 * 1024;

#[tokio::test]
async fn a_new_mirror_fetches_small_repositories_without_git_and_all_others_with_it() {
    let arguments = ["--log-level", "warn,heliostat_access=info"].map(str::to_owned).to_vec();
    let upstream = Server::upstream(ServerOptions { arguments, ..ServerOptions::default() });
    let mut without_git = vec![upstream.empty_repository(false).await];
    for number in 0..6 {
        let (repository, checkout) = upstream.pushed_repository(false).await;
        checkout.commit("folder/second.txt", &format!("second of {number}\n"));
        git(checkout.path(), &["tag", "-a", "v1", "-m", "v1"]);
        checkout
            .push(&upstream.admin_url(&repository), &["HEAD:refs/heads/main", "HEAD~1:refs/heads/old", "v1"]);
        without_git.push(repository);
    }
    let with_git = [large(&upstream).await, undone(&upstream).await];

    let mirror = Server::mirror(upstream.base_url(), "Saigon", ServerOptions::default());
    let pair = Pair { upstream, mirror };
    pair.join("Saigon").await;
    for repository in without_git.iter().chain(&with_git) {
        pair.mirrored(repository).await;
    }
    let was_fetched = |log: &str, repository: &Value| {
        let slug = repository["slug"].as_str().expect("is a text");
        log.contains(&format!("/{slug}.git/git-upload-pack"))
    };
    // A request has its line when its answer has ended, which may be after the mirror has all of it.
    let log = eventually("the lines of the fetches", || async {
        Some(pair.upstream.log()).filter(|log| with_git.iter().all(|repository| was_fetched(log, repository)))
    })
    .await;
    for repository in &without_git {
        assert!(!was_fetched(&log, repository), "{repository}\n{}", pair.mirror.log());
    }
    for repository in without_git.iter().chain(&with_git) {
        is_the_same(&pair, repository).await;
    }
}

/// A repository that is not small.
async fn large(upstream: &Server) -> Value {
    let repository = upstream.empty_repository(false).await;
    let checkout = Checkout::new();
    let content: Vec<u8> = noise().take(LARGE_BYTES / 8).flat_map(u64::to_le_bytes).collect();
    fs::write(checkout.path().join("noise"), content).expect("can be written");
    checkout.commit("second.txt", "second\n");
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/main"]);
    repository
}

/// A repository with a commit to which no branch leads any more.
async fn undone(upstream: &Server) -> Value {
    let (repository, checkout) = upstream.pushed_repository(false).await;
    for content in ["one\n", "other\n"] {
        checkout.commit("second.txt", content);
        checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/main"]);
        git(checkout.path(), &["reset", "--quiet", "--hard", "HEAD~1"]);
    }
    repository
}

/// What the mirror serves is whole, and what the upstream has.
async fn is_the_same(pair: &Pair, repository: &Value) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let url = pair.mirror_url(repository);
    git(folder.path(), &["clone", "--quiet", "--mirror", url.as_str(), "."]);
    git(folder.path(), &["fsck", "--strict"]);
    let path = format!("/rest/mirroring/latest/repos/{}", repository["id"]);
    let described = pair.admin().get(&path).await.expect(200).json();
    assert_eq!(described["properties"]["contentHash"], refs_hash(folder.path()), "{repository}");
}
