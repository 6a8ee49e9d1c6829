//! With leases, who pushes finds the push at every mirror at once; a mirror that cannot be told lets the upstream answer.

use std::time::{Duration, Instant};

use url::Url;

use crate::harness::{
    Client, FaultyProxy, Identity, Pair, ServerOptions, clone_url, eventually, free_address, git,
};

/// Pushes that are each read at once.
const PUSHES: usize = 4;

/// A push waits for one lease and a half, which is three seconds; what a busy machine takes besides is not the question.
const LONGEST_WAIT: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_found_at_the_mirror_at_once_also_when_the_mirror_cannot_be_told() {
    let address = free_address();
    let line = FaultyProxy::start(address);
    let options = |arguments: &[&str]| ServerOptions {
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        ..ServerOptions::default()
    };
    let behind_the_line = ["--base-url", line.base.as_str().trim_end_matches('/')];
    let mirror = ServerOptions { listen: Some(address.to_string()), ..options(&behind_the_line) };
    let pair = Pair::start_with(options(&["--mirror-lease", "2s"]), mirror).await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let upstream = pair.upstream_url(&repository);
    let mirror = Url::parse(&format!("http://{address}")).expect("is a URL");
    let url = clone_url(&mirror, &repository, None);
    let seen = || git(checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
    let freshness = || async {
        let path = format!("{}/info/refs?service=git-upload-pack", url.path());
        let answer = Client::new(&mirror, Identity::Anonymous).get(&path).await;
        answer.headers.get("heliostat-freshness").map(|value| value.to_str().expect("text").to_owned())
    };
    for number in 0..PUSHES {
        let commit = checkout.commit("file", &format!("{number}\n"));
        checkout.push(&upstream, &["HEAD:refs/heads/main"]);
        assert!(seen().starts_with(&commit), "push {number}");
    }
    eventually("the mirror to answer by itself", || async {
        freshness().await?.starts_with("current").then_some(())
    })
    .await;

    line.cut();
    let commit = checkout.commit("file", "unheard of\n");
    let began = Instant::now();
    checkout.push(&upstream, &["HEAD:refs/heads/main"]);
    assert!(began.elapsed() < LONGEST_WAIT, "{:?}", began.elapsed());
    assert!(seen().starts_with(&commit), "the mirror does not know of it, and answers nobody by itself");
    assert!(freshness().await.is_some_and(|word| word.starts_with("through")));

    line.mend();
    eventually("the mirror to hold its lease again", || async {
        freshness().await?.starts_with("current").then_some(())
    })
    .await;
    assert!(seen().starts_with(&commit));
}
