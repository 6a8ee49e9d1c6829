//! What a mirror says of itself rests on what it knows of its upstream; what it does not know, it says since when.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::harness::{
    ADMIN_PASSWORD, Pair, Server, ServerOptions, UpstreamByHand, binary, eventually, git_output,
    unreachable_repository,
};

/// A mirror that compares all with its upstream so seldom that it does not find out that way what is asked of it here.
fn seldom_comparing(further: &[&str]) -> ServerOptions {
    let arguments = ["--sweep-interval", "1d"].iter().chain(further).map(|&argument| argument.to_owned());
    ServerOptions { arguments: arguments.collect(), ..ServerOptions::default() }
}

async fn pair() -> Pair {
    let pair = Pair::start_with(ServerOptions::default(), seldom_comparing(&[])).await;
    eventually("the mirror to take traffic", || async {
        (pair.mirror.anonymous().get("/status").await.status == 200).then_some(())
    })
    .await;
    pair
}

async fn status_in(pair: &Pair, state: &str) -> Value {
    eventually(state, || async {
        let status = pair.mirror.anonymous().get("/status").await.expect(200).json();
        (status["state"] == state).then_some(status)
    })
    .await
}

async fn metric(pair: &Pair, name: &str) -> f64 {
    let text = pair.mirror.anonymous().get("/metrics").await.expect(200).text;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_else(|| panic!("{name} is not shown\n{text}"))
}

/// What git says while it clones a repository of the mirror.
fn said_by_a_clone(pair: &Pair, repository: &Value, version: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let url = pair.mirror_url(repository);
    let version = format!("protocol.version={version}");
    let cloned =
        git_output(folder.path(), &["-c", &version, "clone", "--quiet", "--bare", url.as_str(), "copy"]);
    let said = String::from_utf8_lossy(&cloned.stderr).into_owned();
    assert!(cloned.status.success(), "{said}");
    said
}

#[tokio::test]
async fn those_who_fetch_from_a_mirror_without_its_upstream_are_told_since_when() {
    let mut pair = pair().await;
    let (repository, _) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    status_in(&pair, "SYNCHRONIZED").await;
    let said_before = said_by_a_clone(&pair, &repository, "2");
    assert!(!said_before.contains("remote:"), "{said_before}");

    pair.upstream.kill();
    status_in(&pair, "UNVERIFIED").await;
    // The first of them is answered from what the clone before has left.
    for version in ["2", "0", "1"] {
        let said = said_by_a_clone(&pair, &repository, version);
        assert!(
            said.contains("remote: This mirror has not reached its upstream since 2"),
            "{version}: {said}"
        );
    }

    pair.upstream.restart();
    status_in(&pair, "SYNCHRONIZED").await;
    for version in ["2", "0"] {
        let said_after = said_by_a_clone(&pair, &repository, version);
        assert!(!said_after.contains("remote:"), "what was said is not stored: {said_after}");
    }
}

#[tokio::test]
async fn a_mirror_without_its_upstream_says_since_when_it_does_not_know_what_that_has() {
    let mut pair = pair().await;
    let (repository, _) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let known = status_in(&pair, "SYNCHRONIZED").await;
    assert_eq!((&known["mirroredRepos"], &known["inStepRepos"]), (&json!(1), &json!(1)), "{known}");
    assert_eq!(
        (&known["upstream"]["reachable"], known.get("notKnownSince")),
        (&json!(true), None),
        "{known}"
    );
    let last_contact = known["upstream"]["lastContactDate"].as_i64().expect("they have met");
    assert_eq!(metric(&pair, "heliostat_mirror_lag_seconds").await, 0.0);
    assert_eq!(metric(&pair, "heliostat_mirror_upstream_reachable").await, 1.0);

    // Nothing is asked of the mirror that makes it ask its upstream: it finds out by itself.
    pair.upstream.kill();
    let away = status_in(&pair, "UNVERIFIED").await;
    let since = away["notKnownSince"].as_i64().expect("it says since when");
    assert!(since >= last_contact, "{away}");
    assert_eq!(away["upstream"]["reachable"], false);
    let reason = away["reason"].as_str().expect("it says why");
    assert!(reason.contains("does not answer") && reason.contains("not known since"), "{reason}");
    assert!(metric(&pair, "heliostat_mirror_lag_seconds").await.is_nan());
    assert_eq!(metric(&pair, "heliostat_mirror_upstream_reachable").await, 0.0);
    assert!(metric(&pair, "heliostat_mirror_not_known_since_timestamp_seconds").await > 0.0);
    assert_eq!(metric(&pair, "heliostat_mirror_ready").await, 1.0, "it still serves");

    // A new process knows no more than the one before.
    pair.mirror.terminate();
    pair.mirror.restart();
    let restarted = status_in(&pair, "UNVERIFIED").await;
    assert_eq!(restarted["notKnownSince"], since);

    pair.upstream.restart();
    let again = status_in(&pair, "SYNCHRONIZED").await;
    assert_eq!((&again["upstream"]["reachable"], again.get("reason")), (&json!(true), None), "{again}");
}

#[tokio::test]
async fn who_waits_for_a_synchronisation_waits_for_an_upstream_that_is_away() {
    let mut pair = pair().await;
    let (repository, _) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    // So that the mirror knows the administrator while the upstream cannot be asked.
    pair.upstream_id().await;
    pair.upstream.kill();
    status_in(&pair, "UNVERIFIED").await;

    let said = tempfile::NamedTempFile::new().expect("a file can be made");
    let mut command = Command::new(binary());
    command.args(["mirror", "settings", "progress", "--wait", "--output", "json"]);
    command.args(["--mirror-url", pair.mirror.base()]).env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(said.reopen().expect("the file is there"));
    let mut waiting = command.kill_on_drop(true).spawn().expect("the binary can be run");
    eventually("the command to say what it waits for", || async {
        let said = std::fs::read_to_string(said.path()).expect("readable");
        said.contains("waiting for the upstream").then_some(())
    })
    .await;
    let ended = waiting.try_wait().expect("it can be asked");
    assert!(ended.is_none(), "it has ended, although it is not known what the upstream has");

    pair.upstream.restart();
    let ended = waiting.wait_with_output().await.expect("it ends");
    assert!(ended.status.success(), "{ended:?}");
    let progress: Value = serde_json::from_slice(&ended.stdout).expect("is JSON");
    assert_eq!((&progress["inStepRepos"], progress.get("notKnownSince")), (&json!(1), None), "{progress}");
    let status = status_in(&pair, "SYNCHRONIZED").await;
    assert_eq!((&status["syncedRepos"], &status["totalRepos"]), (&json!(1), &json!(1)), "{status}");
}

/// What a mirror says of itself, with the status that load balancers go by, once it is in this state.
async fn seen_by_load_balancers(mirror: &Server, state: &str) -> (u16, Value) {
    eventually(state, || async {
        let answer = mirror.anonymous().get("/status").await;
        let (code, status) = (answer.status, answer.json());
        (status["state"] == state).then_some((code, status))
    })
    .await
}

fn with_lag_limit(limit: &str) -> ServerOptions {
    seldom_comparing(&["--lag-limit", limit])
}

#[tokio::test]
async fn a_mirror_without_its_upstream_takes_no_traffic_beyond_the_limit_and_takes_it_again() {
    let mut pair = Pair::start_with(ServerOptions::default(), with_lag_limit("2s")).await;
    let (repository, _) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let (code, known) = seen_by_load_balancers(&pair.mirror, "SYNCHRONIZED").await;
    assert_eq!((code, &known["health"], &known["lagLimitMillis"]), (200, &json!("GREEN"), &json!(2_000)));

    pair.upstream.kill();
    let (code, late) = seen_by_load_balancers(&pair.mirror, "LAGGING").await;
    assert_eq!((code, &late["health"]), (503, &json!("RED")));
    assert!(late["notKnownMillis"].as_i64().is_some_and(|for_ms| for_ms > 2_000), "{late}");
    let reason = late["reason"].as_str().expect("it says why");
    assert!(reason.contains("the limit is 2 s") && reason.contains("does not answer"), "{reason}");
    assert_eq!(metric(&pair, "heliostat_mirror_ready").await, 0.0);

    pair.upstream.restart();
    let (code, again) = seen_by_load_balancers(&pair.mirror, "SYNCHRONIZED").await;
    assert_eq!((code, &again["health"], again.get("reason")), (200, &json!("GREEN"), None), "{again}");
}

#[tokio::test]
async fn a_mirror_that_cannot_get_a_change_takes_no_traffic_beyond_the_limit() {
    let by_hand = UpstreamByHand::start_installed_with(with_lag_limit("1s")).await;
    by_hand.announce(&unreachable_repository(24, 7)).await;
    let (code, late) = seen_by_load_balancers(&by_hand.mirror, "LAGGING").await;
    assert_eq!((code, &late["health"]), (503, &json!("RED")));
    assert!(late["lagMillis"].as_i64().is_some_and(|lag_ms| lag_ms > 1_000), "{late}");
    let reason = late["reason"].as_str().expect("it says why");
    assert!(reason.contains("made known") && reason.contains("the limit is 1 s"), "{reason}");
}

/// How often it is waited for that a mirror tells how far it is.
const TELLINGS: usize = 5;
/// It does so every ten seconds, and no later finds out that its upstream is away.
const LONG_SILENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_mirror_to_which_nothing_happens_tells_its_upstream_all_the_same_how_far_it_is() {
    let by_hand = UpstreamByHand::start_installed_with(seldom_comparing(&[])).await;
    let told = || by_hand.received().iter().filter(|request| request.path.ends_with("/standing")).count();
    let mut silences = Vec::new();
    for _ in 0..TELLINGS {
        let (before, began) = (told(), Instant::now());
        eventually("the mirror to tell how far it is", || async { (told() > before).then_some(()) }).await;
        silences.push(began.elapsed());
    }
    // A machine that stands still for a while spoils some of them.
    let short = silences.iter().filter(|silence| **silence < LONG_SILENCE).count();
    assert!(short > TELLINGS / 2, "it is silent for long: {silences:?}");
}
