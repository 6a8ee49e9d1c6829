//! With leases, who pushes finds the push at every mirror at once; a mirror that cannot be told lets the upstream answer.

use std::time::{Duration, Instant};

use serde_json::json;
use url::Url;

use crate::harness::{
    Client, FaultyProxy, Identity, Pair, ServerOptions, UpstreamByHand, clone_url, eventually, git,
    kept_address, repository_of_nothing,
};

/// Pushes that are each read at once.
const PUSHES: usize = 4;

/// A push waits for one lease and a half, which is three seconds; what a busy machine takes besides is not the question.
const LONGEST_WAIT: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_found_at_the_mirror_at_once_also_when_the_mirror_cannot_be_told() {
    let address = kept_address();
    let line = FaultyProxy::start(address.address());
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

/// A mirror asks by itself every ten seconds whether leases are given, so that this many times take longer.
const STARTS: usize = 10;
const WITHOUT_THE_EVENTS: Duration = Duration::from_secs(10 * STARTS as u64 - 10);

#[tokio::test]
async fn an_event_of_another_process_makes_the_mirror_ask_whether_leases_are_given() {
    let by_hand = UpstreamByHand::start_installed().await;
    let repository = repository_of_nothing(24, 7);
    by_hand.announce(&repository).await;
    let asked = || by_hand.received().iter().filter(|request| request.path.ends_with("/lease")).count();
    let starts = async {
        for number in 0..STARTS {
            let before = asked();
            let path = by_hand.path(&format!("/addon/events?instance=process-{number}"));
            let event = json!({"eventKey": "repo:modified", "repository": repository});
            by_hand.client().post(&path, &event).await.promised(204);
            eventually("the mirror to ask", || async { (asked() > before).then_some(()) }).await;
        }
    };
    let asked_at_once = tokio::time::timeout(WITHOUT_THE_EVENTS, starts).await;
    assert!(asked_at_once.is_ok(), "it asks only when its time has come");
}
