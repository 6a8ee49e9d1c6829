//! A build server waits until its mirror has the commit that it is to build, and goes by the exit code.

use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::{ADMIN_PASSWORD, Pair, binary, shared_pair};

/// `heliostat wait ...` as the administrator at the mirror.
fn wait(pair: &Pair, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("wait").args(arguments).args(["--user", "admin", "--output", "json"]);
    command.args(["--mirror-url", pair.mirror.base_url().as_str()]);
    command.env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD).env_remove("HELIOSTAT_UPSTREAM");
    command.output().expect("the binary can be run")
}

#[tokio::test]
async fn the_exit_code_tells_whether_the_commit_is_there() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let id = repository["id"].to_string();
    let commit = checkout.commit("build.txt", "build this\n");
    let late = wait(pair, &[&id, "--commit", &commit, "--timeout", "0s"]);
    assert_eq!(late.status.code(), Some(3), "{late:?}");
    assert!(String::from_utf8_lossy(&late.stderr).contains(&commit), "{late:?}");

    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    let key = repository["project"]["key"].as_str().expect("a key");
    let name = format!("{key}/{}", repository["slug"].as_str().expect("a slug"));
    let upstream = pair.upstream.base_url().as_str();
    let arguments =
        [name.as_str(), "--upstream", upstream, "--commit", commit.as_str(), "--ref", "refs/heads/main"];
    let there = wait(pair, &arguments);
    assert_eq!(there.status.code(), Some(0), "{there:?}");
    let told: Value = serde_json::from_slice(&there.stdout).expect("is JSON");
    assert_eq!(told["repositoryId"], id);

    for (arguments, code) in [
        (vec!["99999999", "--commit", commit.as_str()], 5),
        (vec![name.as_str(), "--commit", commit.as_str()], 2),
        (vec![id.as_str(), "--commit", "main"], 1),
        (vec![id.as_str(), "--timeout", "soon"], 2),
    ] {
        let refused = wait(pair, &arguments);
        assert_eq!(refused.status.code(), Some(code), "{arguments:?}: {refused:?}");
    }
}
