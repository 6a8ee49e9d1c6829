//! Clocks that differ, addresses that lead nowhere or elsewhere, and secrets that are not shared: `/status`, log and doctor
//! name what is wrong and what can be done about it.

use std::process::{Command, Output};

use serde_json::{Value, json};
use url::Url;

use crate::harness::{
    Client, Identity, Pair, Received, Server, ServerOptions, ShiftedClock, TinyHttp, UpstreamByHand, binary,
    eventually, git, kept_address, repository_of_nothing,
};

/// `/status` of a server once its reason holds all of these words.
async fn told(server: &Client, words: &[&str]) -> Value {
    eventually(&words.join(", "), || async {
        let status = server.get("/status").await.json();
        let reason = status["reason"].as_str()?;
        words.iter().all(|word| reason.contains(word)).then_some(status)
    })
    .await
}

/// `/status` of a mirror once nothing is wrong with it.
async fn green(mirror: &Client) -> Value {
    eventually("nothing to be wrong", || async {
        let status = mirror.get("/status").await.json();
        (status["health"] == "GREEN").then_some(status)
    })
    .await
}

fn doctor(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut command = Command::new(binary());
    command.arg("doctor").arg("--data").arg(folder.path()).args(arguments);
    command.output().expect("the binary can be run")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_doctor_misses_what_a_backup_of_postgresql_needs() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut command = Command::new(binary());
    command.arg("doctor").arg("--data").arg(folder.path()).env("PATH", folder.path());
    let without = said(&command.output().expect("the binary can be run"));
    assert!(!without.contains("pg_dump"), "SQLite needs no program: {without}");
    command.args(["--database", "postgres://nobody@127.0.0.1:9/none"]);
    let with = said(&command.output().expect("the binary can be run"));
    let line = with.lines().find(|line| line.contains("pg_dump")).unwrap_or_default();
    assert!(line.starts_with("warning"), "{with}");
}

#[tokio::test]
async fn clocks_that_differ_are_told_by_both_servers_and_the_doctor_until_they_agree() {
    let Some(clock) = ShiftedClock::new() else { return };
    let upstream = ServerOptions { environment: clock.environment().to_vec(), ..ServerOptions::default() };
    let pair = Pair::start_with(upstream, ServerOptions::default()).await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let (upstream, mirror) = (pair.anonymous(), pair.mirror.anonymous());
    let url = pair.mirror_url(&repository);
    git(checkout.path(), &["ls-remote", url.as_str()]);
    green(&mirror).await;

    clock.shift(12);
    let warned = told(&mirror, &["12 s behind", "NTP"]).await;
    assert_eq!((&warned["state"], &warned["health"]), (&json!("SYNCHRONIZED"), &json!("YELLOW")));
    assert!(
        warned["upstream"]["clockSkewMillis"].as_i64().is_some_and(|skew| (11_000..=13_000).contains(&skew)),
        "{warned}"
    );

    clock.shift(300);
    let refused = told(&mirror, &["the clocks of the two servers differ", "synchronise them"]).await;
    assert_eq!(refused["health"], "YELLOW", "{refused}");
    eventually("the log to say it, too", || async {
        pair.mirror.log().contains("the clocks of the two servers differ").then_some(())
    })
    .await;
    let doctor = doctor(&["--upstream", pair.upstream.base()]);
    assert!(!doctor.status.success() && said(&doctor).contains("s behind the upstream"), "{}", said(&doctor));
    // Who is served from here is served on.
    checkout.commit("later", "more");
    git(checkout.path(), &["ls-remote", url.as_str()]);
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    told(&upstream, &["1 of 1 mirror cannot be reached, or takes no events"]).await;
    let path = format!("/rest/mirroring/latest/mirrorServers/{}/standing", pair.mirror_id().await);
    eventually("the upstream to say why it is not heard", || async {
        let standing = pair.admin().get(&path).await.promised(200);
        standing["lastError"].as_str()?.contains("the clocks of the two servers differ").then_some(())
    })
    .await;

    clock.shift(0);
    pair.mirrored(&repository).await;
    green(&mirror).await;
}

#[tokio::test]
async fn an_upstream_that_is_not_there_or_another_server_is_told_with_what_to_check() {
    let kept = kept_address();
    let nowhere = Url::parse(&format!("http://{kept}")).expect("is a URL");
    let lonely = Server::mirror(&nowhere, "Saigon", ServerOptions::default());
    told(&lonely.anonymous(), &["nothing listens there", "check host and port"]).await;
    let unreachable = doctor(&["--upstream", nowhere.as_str(), "--base-url", lonely.base()]);
    let shown = said(&unreachable);
    assert!(!unreachable.status.success() && shown.contains("cannot reach"), "{shown}");
    assert!(
        shown.contains("INITIALIZING") && shown.contains("nothing listens there"),
        "the mirror itself says why: {shown}"
    );

    let other = TinyHttp::start(|_| |_: &Received| (404, json!("nothing of that kind")));
    let astray = Server::mirror(&other.base, "Saigon", ServerOptions::default());
    told(&astray.anonymous(), &["no Heliostat has answered", "check the address and its path"]).await;
    let elsewhere = doctor(&["--upstream", other.base.as_str()]);
    assert!(said(&elsewhere).contains("something else answers at"), "{}", said(&elsewhere));
}

#[tokio::test]
async fn an_upstream_with_another_base_url_is_told_by_its_mirrors() {
    let mut pair = Pair::start().await;
    let mirror = pair.mirror.anonymous();
    green(&mirror).await;
    let followed = pair.upstream.base().to_owned();
    let port = pair.upstream.base_url().port().expect("has a port");
    let moved = format!("http://localhost:{port}");
    pair.upstream.restart_with(&["--base-url", &moved]);
    let status = told(&mirror, &["the base URL of the upstream is", &moved, &followed, "--upstream"]).await;
    assert_eq!(status["health"], "YELLOW", "it still follows");
}

#[tokio::test]
async fn a_mirror_that_is_not_reached_hears_of_it_from_its_upstream() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let there = pair.mirror.base_url().clone();
    green(&pair.mirror.anonymous()).await;
    let listen = format!("127.0.0.1:{}", there.port().expect("has a port"));
    let kept = kept_address();
    let nowhere = format!("http://{kept}");
    pair.mirror.restart_with(&["--base-url", &nowhere]);
    let mirror =
        Client::new(&Url::parse(&format!("http://{listen}")).expect("is a URL"), Identity::Anonymous);
    // The upstream has taken the new address in when it has heard of it once more.
    let path = format!("/rest/mirroring/latest/mirrorServers/{}", pair.mirror_id().await);
    eventually("the upstream to know the address", || async {
        (pair.admin().get(&path).await.promised(200)["baseUrl"] == nowhere.as_str()).then_some(())
    })
    .await;
    checkout.commit("next", "more");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    let status = told(&mirror, &["cannot deliver its events", "nothing listens there", "base-url"]).await;
    assert_eq!(status["health"], "YELLOW", "{status}");
}

#[tokio::test]
async fn an_upstream_is_told_where_a_mirror_is_at_each_of_its_starts() {
    let mut by_hand = UpstreamByHand::start_installed().await;
    let told = |by_hand: &UpstreamByHand| {
        let received = by_hand.received();
        received.iter().filter(|one| one.method == "PUT" && one.body["baseUrl"].is_string()).count()
    };
    eventually("the address to be told", || async { (told(&by_hand) > 0).then_some(()) }).await;
    // It may be restored from a backup of before, which the mirror does not hear of.
    by_hand.mirror.kill();
    let before = told(&by_hand);
    by_hand.mirror.restart();
    eventually("it to be told again", || async { (told(&by_hand) > before).then_some(()) }).await;
}

#[tokio::test]
async fn a_secret_that_the_upstream_does_not_know_is_told_with_the_way_out() {
    let by_hand = UpstreamByHand::start_installed().await;
    by_hand.announce(&repository_of_nothing(24, 7)).await;
    by_hand.refuse_secret();
    by_hand
        .mirror
        .client(&by_hand.unlucky_user())
        .get("/rest/mirroring/latest/upstreamServers")
        .await
        .refused(503);
    eventually("the log to name the way out", || async {
        let log = by_hand.mirror.log();
        (log.contains("has refused the signature") && log.contains("heliostat mirror remove")).then_some(())
    })
    .await;
}
