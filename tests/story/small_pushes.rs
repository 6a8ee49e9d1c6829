//! Small pushes travel inside the events that tell of them: mirrors fetch nothing for them, and show the same as if they had.

use serde_json::{Value, json};

use crate::harness::{Checkout, Pair, Server, ServerOptions, bare_repositories, git, repository_path};

/// How many fetches a server has answered.
async fn fetches(server: &Server) -> f64 {
    let text = server.anonymous().get("/metrics").await.expect(200).text;
    let counted = text.lines().filter(|line| line.starts_with("heliostat_response_cache_requests_total{"));
    counted.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

async fn pair_with(small_push: &str) -> Pair {
    let arguments = ["--small-push", small_push].map(str::to_owned).to_vec();
    Pair::start_with(ServerOptions { arguments, ..ServerOptions::default() }, ServerOptions::default()).await
}

/// Waits until the mirror itself has what was pushed. What it shows before that is the upstream's.
async fn follows(pair: &Pair, repository: &Value, checkout: &Checkout) {
    pair.mirrored(repository).await;
    pair.shows_the_same(repository, checkout).await;
}

#[tokio::test]
async fn what_a_small_push_brings_is_not_fetched() {
    let pair = pair_with("64KiB").await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    let upstream = pair.upstream_url(&repository);
    let numbers: String = (0..2_000).map(|number| format!("{number}\n")).collect();
    checkout.commit("src/numbers", &numbers);
    checkout.push(&upstream, &["HEAD:refs/heads/main"]);
    follows(&pair, &repository, &checkout).await;
    let before = fetches(&pair.upstream).await;

    // Deltas, a folder that moves, an annotated tag, and a branch that is made from an earlier commit.
    checkout.commit("src/numbers", &format!("{numbers}more\n"));
    checkout.push(&upstream, &["HEAD:refs/heads/main"]);
    follows(&pair, &repository, &checkout).await;
    git(checkout.path(), &["mv", "src", "lib"]);
    git(checkout.path(), &["commit", "--quiet", "--message", "move"]);
    git(checkout.path(), &["tag", "--annotate", "--message", "one", "v1"]);
    checkout.push(&upstream, &["HEAD:refs/heads/main", "v1"]);
    follows(&pair, &repository, &checkout).await;
    git(checkout.path(), &["reset", "--quiet", "--hard", "HEAD~2"]);
    checkout.commit("other.txt", "other\n");
    checkout.push(&upstream, &["HEAD:refs/heads/other"]);
    follows(&pair, &repository, &checkout).await;
    // What is pushed over goes away, and a deletion needs nothing.
    git(checkout.path(), &["commit", "--quiet", "--amend", "--message", "again"]);
    checkout.push(&upstream, &["+HEAD:refs/heads/other"]);
    follows(&pair, &repository, &checkout).await;
    checkout.push(&upstream, &[":refs/tags/v1"]);
    follows(&pair, &repository, &checkout).await;
    // A branch that is not pushed names what is there.
    let earlier = git(checkout.path(), &["rev-parse", "HEAD~1"]);
    let path = format!("{}/branches", repository_path(&repository));
    let branch = json!({"name": "topic", "startPoint": earlier});
    pair.admin().post(&path, &branch).await.promised(200);
    follows(&pair, &repository, &checkout).await;
    assert!((fetches(&pair.upstream).await - before).abs() < 0.5, "the mirror has fetched");

    let [copy] = &bare_repositories(&pair.mirror.data())[..] else { panic!("one repository is mirrored") };
    git(copy, &["fsck", "--full", "--strict"]);
    git(checkout.path(), &["clone", "--quiet", "--mirror", pair.mirror_url(&repository).as_str(), "copy"]);
    git(&checkout.path().join("copy"), &["fsck", "--full"]);
}

#[tokio::test]
async fn what_is_larger_than_the_limit_is_fetched() {
    let pair = pair_with("0").await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    follows(&pair, &repository, &checkout).await;
    let before = fetches(&pair.upstream).await;
    checkout.commit("a.txt", "a\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    follows(&pair, &repository, &checkout).await;
    assert!(fetches(&pair.upstream).await > before);
}
