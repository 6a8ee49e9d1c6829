//! A mirror gives what its upstream gives, also what no reference of the mirror has led to: that is fetched once for all who
//! want it, and not given any more when the upstream does not.

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use url::Url;

use crate::harness::{
    Checkout, FaultyProxy, Pair, ServerOptions, bare_repositories, clone_url, eventually, git, git_output,
    kept_address, repository_path, unique,
};

/// Clients that want the same at the same time.
const CLIENTS: usize = 6;

fn fetch(url: &Url, commit: &str) -> Output {
    let copy = tempfile::tempdir().expect("a folder can be made");
    git(copy.path(), &["init", "--quiet", "--bare"]);
    git_output(copy.path(), &["fetch", "--quiet", url.as_str(), commit])
}

fn our_references(folder: &Path) -> String {
    git(folder, &["for-each-ref", "--format=%(objectname)", "refs/heliostat/"])
}

fn has(folder: &Path, object: &str) -> bool {
    git_output(folder, &["cat-file", "-e", object]).status.success()
}

async fn purged(pair: &Pair, repository: &Value) {
    let path = format!("{}/purge", repository_path(repository));
    pair.admin().post_nothing(&path).await.promised(202);
    eventually("the mirror to carry out the order", || async {
        let progress = pair.admin().get(&path).await.promised(200);
        (progress["mirrors"][0]["state"] == "DONE").then_some(())
    })
    .await;
}

/// A public repository, with a commit that the upstream had while the mirror was away, and that no reference leads to any more.
async fn with_what_the_mirror_has_missed(pair: &mut Pair) -> (Value, Checkout, String) {
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let upstream = pair.upstream_url(&repository);
    pair.mirror.terminate();
    git(checkout.path(), &["checkout", "--quiet", "-b", "topic"]);
    let missed = checkout.commit("missed.txt", &format!("{} while the mirror was away\n", unique()));
    checkout.push(&upstream, &["topic"]);
    git(checkout.path(), &["reset", "--quiet", "--hard", "HEAD~1"]);
    checkout.commit("other.txt", "in its place\n");
    checkout.push(&upstream, &["+topic"]);
    pair.mirror.restart();
    pair.mirrored(&repository).await;
    (repository, checkout, missed)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_upstream_still_gives_is_fetched_once_and_goes_when_it_is_deleted_there() {
    let mut pair = Pair::start().await;
    let (repository, checkout, missed) = with_what_the_mirror_has_missed(&mut pair).await;
    let upstream = pair.upstream_url(&repository);
    let folder = bare_repositories(&pair.mirror.data()).pop().expect("the mirror has it");
    assert!(!has(&folder, &missed), "no reference of the mirror has ever led to it");

    let mirror = clone_url(pair.mirror.base_url(), &repository, None);
    let before = git(checkout.path(), &["ls-remote", mirror.as_str()]);
    std::thread::scope(|scope| {
        for client in [(); CLIENTS].map(|()| scope.spawn(|| fetch(&mirror, &missed))) {
            let output = client.join().expect("it does not panic");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    });
    let fetches = eventually("the fetch in the log", || async {
        Some(pair.mirror.log().matches("fetched what a client wanted").count()).filter(|count| *count > 0)
    });
    assert_eq!(fetches.await, 1, "{CLIENTS} clients share a fetch");
    assert_eq!(our_references(&folder), missed, "the next fetch has something to offer");
    assert_eq!(git(checkout.path(), &["ls-remote", mirror.as_str()]), before, "and no client sees it");
    assert!(!before.contains("heliostat"), "{before}");

    checkout.push(&upstream, &[":topic"]);
    eventually("the mirror to follow", || async {
        (!git(checkout.path(), &["ls-remote", mirror.as_str()]).contains("topic")).then_some(())
    })
    .await;
    for place in [&clone_url(pair.upstream.base_url(), &repository, None), &mirror] {
        let refused = fetch(place, &missed);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("not our ref"), "{refused:?}");
    }
    assert!(has(&folder, &missed), "that it is here gives no client access");
    purged(&pair, &repository).await;
    assert!(!has(&folder, &missed) && our_references(&folder).is_empty(), "nothing of it is left");
    git(&folder, &["fsck", "--full"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_whose_last_answer_did_not_come_is_asked_once_more_and_not_for_long() {
    let address = kept_address();
    let line = FaultyProxy::start(address.address());
    let arguments = ["--base-url", line.base.as_str().trim_end_matches('/')].map(str::to_owned).to_vec();
    let upstream = ServerOptions { arguments, listen: Some(address.to_string()), ..ServerOptions::default() };
    let mut pair = Pair::start_with(upstream, ServerOptions::default()).await;
    let (repository, _checkout, missed) = with_what_the_mirror_has_missed(&mut pair).await;
    let mirror = clone_url(pair.mirror.base_url(), &repository, None);
    let brought = fetch(&mirror, &missed);
    assert!(brought.status.success(), "{}", String::from_utf8_lossy(&brought.stderr));

    let unknown_user = pair.mirror.client(&pair.new_user().await);
    line.cut_for_servers();
    // The mirror finds out as soon as it asks.
    unknown_user.get("/rest/mirroring/latest/upstreamServers").await.refused(503);
    eventually("the mirror to say that its upstream does not answer", || async {
        let status = pair.mirror.anonymous().get("/status").await.json();
        (status["upstream"]["reachable"] == false).then_some(())
    })
    .await;
    // A busy upstream may take longer than it is waited for.
    eventually("it to be given", || async { fetch(&mirror, &missed).status.success().then_some(()) }).await;

    pair.upstream.hang();
    let refused = fetch(&mirror, &missed);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("does not answer"), "{refused:?}");
    pair.upstream.go_on();
}
