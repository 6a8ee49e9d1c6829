//! `heliostat mirror status`: what an operator asks first when builds near a mirror are late.

use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::{
    ADMIN_PASSWORD, Pair, ServerOptions, UpstreamByHand, binary, eventually, said, unreachable_repository,
};

/// Runs `heliostat mirror status` and further arguments.
fn status_of(mirror: &str, user: (&str, &str), further: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(["mirror", "status", "--mirror-url", mirror, "--user", user.0]).args(further);
    command.env("HELIOSTAT_PASSWORD", user.1).output().expect("the binary can be run")
}

#[tokio::test]
async fn a_mirror_in_step_is_shown_with_its_generations() {
    let pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    eventually("the mirror to be green", || async {
        let status = pair.mirror.anonymous().get("/status").await.json();
        (status["health"] == "GREEN").then_some(())
    })
    .await;
    let (mirror, admin) = (pair.mirror.base(), ("admin", ADMIN_PASSWORD));
    let shown = status_of(mirror, admin, &[]);
    assert!(shown.status.success(), "{}", said(&shown));
    let shown = said(&shown);
    for word in ["SYNCHRONIZED", "GREEN", "INSTALLED", pair.upstream.base()] {
        assert!(shown.contains(word), "{word}\n{shown}");
    }
    let name = format!(
        "{}/{}",
        repository["project"]["key"].as_str().expect("a key"),
        repository["slug"].as_str().expect("a slug")
    );
    let one = status_of(mirror, admin, &[&name, "--output", "json"]);
    assert!(one.status.success(), "{}", said(&one));
    let one: Value = serde_json::from_slice(&one.stdout).expect("JSON");
    assert!(one["generation"].as_i64() > Some(0) && one["generation"] == one["upstreamGeneration"], "{one}");
}

#[tokio::test]
async fn what_is_behind_is_shown_with_its_reason_and_a_mirror_that_is_late_fails() {
    let arguments = ["--lag-limit", "1s"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..ServerOptions::default() };
    let by_hand = UpstreamByHand::start_installed_with(options).await;
    by_hand.announce(&unreachable_repository(24, 7)).await;
    let user = ("ann", "ann's password");
    eventually("the mirror to be late", || async {
        let shown = status_of(by_hand.mirror.base(), user, &["--output", "json"]);
        let status: Value = serde_json::from_slice(&shown.stdout).ok()?;
        let failing = &status["behind"][0];
        let is_told = failing["repositorySlug"] == "repo-24" && failing["lastError"].is_string();
        (status["state"] == "LAGGING" && is_told && !shown.status.success()).then_some(())
    })
    .await;
    let table = said(&status_of(by_hand.mirror.base(), user, &[]));
    assert!(table.contains("repo-24") && table.contains("must not take traffic"), "{table}");
}
