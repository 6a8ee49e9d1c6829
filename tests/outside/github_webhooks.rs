//! What GitHub publishes as examples of its webhooks is taken, signed by GitHub's own library, and nothing that is signed
//! otherwise.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::harness::{Server, ServerOptions, must_succeed, tool};

const SECRET: &str = "a secret that GitHub and the mirror share";
/// What may have changed references, or where a repository is.
const TELLING: [&str; 6] = ["push", "create", "delete", "repository", "public", "pull_request"];

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn published_examples_are_taken_once_and_forged_ones_never() {
    let mut secret = NamedTempFile::new().expect("a file can be made");
    writeln!(secret, "{SECRET}").expect("a file can be written");
    let file = format!("github={}", secret.path().display());
    let options =
        ServerOptions { arguments: vec!["--hook-secret-file".to_owned(), file], ..ServerOptions::default() };
    // No server is there, and none is needed to take a hint.
    let mirror = Server::mirror_of_origin(&"http://127.0.0.1:1/".parse().expect("is a URL"), options);
    let hook = mirror.base_url().join("/hooks/github").expect("is a path");

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("outside/github_webhooks.mjs");
    let mut command = tool("node");
    command.arg(script).env("HELIOSTAT_HOOK", hook.as_str()).env("HELIOSTAT_HOOK_SECRET", SECRET);
    let output = must_succeed("github-webhooks", command);
    let line = output.lines().find_map(|line| line.strip_prefix("answers ")).expect("the script prints them");
    let answers: Vec<Value> = serde_json::from_str(line).expect("the answers are JSON");

    assert!(answers.len() > 100, "GitHub publishes more than {}", answers.len());
    for answer in &answers {
        assert_eq!(answer["forged"]["status"], 403, "{answer}");
        let tells = TELLING.iter().any(|event| answer["event"] == *event);
        let (status, received) = if tells { (202, "noted") } else { (200, "other") };
        assert_eq!(answer["first"]["status"], status, "{answer}");
        assert_eq!(answer["first"]["body"]["received"], received, "{answer}");
        assert_eq!(answer["again"]["body"], json!({"received": "repeated"}), "{answer}");
    }
}
