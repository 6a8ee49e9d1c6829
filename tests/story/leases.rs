//! With leases, who pushes finds the push at every mirror at once; a mirror that cannot be told lets the upstream answer.

use std::time::{Duration, Instant};

use serde_json::json;
use url::Url;

use crate::harness::{
    Client, FaultyProxy, Identity, Pair, ServerOptions, UpstreamByHand, clone_url, eventually, git,
    kept_address, repository_of_nothing,
};

/// Pushes that are each read at once.
const PUSHES: usize = 8;

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
    let path = format!("{}/info/refs?service=git-upload-pack", url.path());
    let answered = || async {
        let answer = Client::new(&mirror, Identity::Anonymous).get(&path).await;
        let word = answer.headers.get("heliostat-freshness")?.to_str().expect("text").to_owned();
        Some((word, answer.text))
    };
    // A busy upstream may not answer the mirror in time, which then shows what it has, and says that it may be old.
    let knows = |word: &str| word.starts_with("current;") || word.starts_with("through;");
    let shown = || async {
        eventually("an answer that is said to be new", || async {
            answered().await.filter(|(word, _)| knows(word))
        })
        .await
    };
    let is_current = || async { answered().await?.0.starts_with("current;").then_some(()) };
    let git_finds = async |commit: &str| {
        eventually("git to find the push", || async {
            let listed = git(checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
            listed.starts_with(commit).then_some(())
        })
        .await;
    };
    // It asks once more only when it has taken in what it was answered: that leases are given.
    eventually("the mirror to know of leases", || async {
        let log = pair.upstream.log();
        let asked = log.lines().filter(|line| line.contains("operation=\"takeLease\""));
        (asked.filter(|line| line.contains("http.status=200")).count() > 1).then_some(())
    })
    .await;
    let mut first_words = Vec::new();
    for number in 0..PUSHES {
        let commit = checkout.commit("file", &format!("{number}\n"));
        checkout.push(&upstream, &["HEAD:refs/heads/main"]);
        if let Some((word, text)) = answered().await {
            assert!(!knows(&word) || text.contains(&commit), "push {number}, {word}: {text}");
            first_words.push(word);
        }
        let (word, text) = shown().await;
        assert!(text.contains(&commit), "push {number}, {word}: {text}");
        git_finds(&commit).await;
    }
    // A machine that stands still for a while spoils some of them.
    let at_once = first_words.iter().filter(|word| knows(word)).count();
    assert!(at_once > PUSHES / 2, "it is found only after a while: {first_words:?}");
    eventually("the mirror to answer by itself", is_current).await;

    line.cut();
    let commit = checkout.commit("file", "unheard of\n");
    let began = Instant::now();
    checkout.push(&upstream, &["HEAD:refs/heads/main"]);
    assert!(began.elapsed() < LONGEST_WAIT, "{:?}", began.elapsed());
    let (word, text) = shown().await;
    assert!(word.starts_with("through;"), "the mirror was not told, and answers no client by itself: {word}");
    assert!(text.contains(&commit), "{text}");
    git_finds(&commit).await;

    line.mend();
    eventually("the mirror to hold its lease again", is_current).await;
    git_finds(&commit).await;
}

/// So many processes speak as the upstream.
const STARTS: usize = 10;
/// A mirror asks by itself every ten seconds whether leases are given, and then for ten seconds not.
const WITHOUT_THE_EVENTS: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_event_of_another_process_makes_the_mirror_ask_whether_leases_are_given() {
    let by_hand = UpstreamByHand::start_installed().await;
    let repository = repository_of_nothing(24, 7);
    by_hand.announce(&repository).await;
    let asked = || by_hand.received().iter().filter(|request| request.path.ends_with("/lease")).count();
    let mut waits = Vec::new();
    for number in 0..STARTS {
        let before = asked();
        let path = by_hand.path(&format!("/addon/events?instance=process-{number}"));
        let event = json!({"eventKey": "repo:modified", "repository": repository});
        let began = Instant::now();
        by_hand.client().post(&path, &event).await.promised(204);
        eventually("the mirror to ask", || async { (asked() > before).then_some(()) }).await;
        waits.push(began.elapsed());
    }
    // A machine that stands still for a while spoils some of them.
    let at_once = waits.iter().filter(|wait| **wait < WITHOUT_THE_EVENTS).count();
    assert!(at_once > STARTS / 2, "it asks only when its time has come: {waits:?}");
}
