//! The workflows of the contract, carried out by a third-party program against live servers.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{
    ADMIN_PASSWORD, Checkout, Pair, Server, ServerOptions, eventually, git, must_succeed, remove_folder, tool,
};

/// Carries out one workflow; panics with what it did if a step went otherwise than it says.
fn carry_out(file: &str, workflow: &str, pair: &Pair, inputs: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/workflows").join(file);
    let mut inputs = inputs.clone();
    inputs["authorization"] = format!("Basic {}", STANDARD.encode(format!("admin:{ADMIN_PASSWORD}"))).into();
    let rest = |server: &Server| format!("{}/rest", server.base());
    let mut command = tool("redocly");
    command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    command.arg("respect").arg(path).args(["--workflow", workflow]);
    command.arg("--server").arg(format!("upstream={}", rest(&pair.upstream)));
    command.arg("--server").arg(format!("mirror={}", rest(&pair.mirror)));
    command.arg("--input").arg(inputs.to_string());
    must_succeed(&format!("workflow-{workflow}"), command);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn a_mirror_joins_and_serves_what_was_pushed() {
    let upstream = Server::upstream(ServerOptions::default());
    let mirror = Server::mirror(upstream.base_url(), "Saigon", ServerOptions::default());
    let pair = Pair { upstream, mirror };
    carry_out("join-a-mirror.arazzo.yaml", "join", &pair, &json!({}));

    let file = "create-push-clone.arazzo.yaml";
    carry_out(file, "create", &pair, &json!({ "projectKey": "WORK" }));
    let path = "/rest/api/latest/projects/WORK/repos/tool";
    let repository = pair.admin().get(path).await.promised(200);
    let checkout = Checkout::new();
    let pushed = checkout.commit("first.txt", "pushed between two workflows\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    carry_out(file, "serve", &pair, &json!({ "repositoryId": repository["id"].to_string() }));
    let shown =
        git(checkout.path(), &["ls-remote", pair.mirror_url(&repository).as_str(), "refs/heads/main"]);
    assert!(shown.starts_with(&pushed), "the mirror shows {shown:?}, not {pushed}");
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn a_token_that_was_taken_back_opens_nothing() {
    let pair = Pair::start().await;
    let project = pair.new_project(false).await;
    let inputs = json!({ "user": "admin", "projectKey": project["key"] });
    carry_out("revoke.arazzo.yaml", "revoke", &pair, &inputs);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn a_repository_that_a_disk_has_lost_comes_back_from_a_mirror() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    pair.upstream.kill();
    let number = repository["id"].as_i64().expect("a repository has an id");
    let place = format!("repositories/{:02x}/{number}.git", number % 256);
    remove_folder(&pair.upstream.data().join(place));
    pair.upstream.restart();
    eventually("the loss to be found", || async {
        let status = pair.anonymous().get("/status").await.expect(200).json();
        (status["unservedRepos"] == 1).then_some(())
    })
    .await;
    carry_out("recover.arazzo.yaml", "recover", &pair, &json!({ "mirror": "Saigon" }));
    git(
        checkout.path(),
        &["ls-remote", "--exit-code", pair.upstream_url(&repository).as_str(), "refs/heads/main"],
    );
}
