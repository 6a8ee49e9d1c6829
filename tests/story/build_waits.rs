//! A build server waits until its mirror has the commit that it is to build, and goes by the exit code.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::harness::{
    ADMIN_PASSWORD, Pair, Server, ServerOptions, binary, clone_url, git, said, shared_pair,
};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ci.md");

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
        (vec![id.as_str(), "--commit", "main"], 2),
        (vec![id.as_str(), "--ref", "main"], 2),
        (vec!["git@git.example.com:acme/tool.git"], 2),
        (vec![id.as_str(), "--timeout", "soon"], 2),
    ] {
        let refused = wait(pair, &arguments);
        assert_eq!(refused.status.code(), Some(code), "{arguments:?}: {refused:?}");
    }
}

/// The blocks of commands by which a build waits, as the page has them.
fn commands_of_the_page() -> Vec<String> {
    let text = fs::read_to_string(PAGE).expect("the page is there");
    let (_, section) = text.split_once("\n## Waiting for a commit\n").expect("there is such a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    section.split("```\n").skip(1).step_by(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_commands_of_the_page_wait_for_a_commit() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let (id, url) = (&repository["id"], clone_url(pair.upstream.base_url(), &repository, None));
    let names = [
        ("https://git.example.com/acme/tool.git", url.to_string()),
        ("/acme/tool.git", url.path().to_owned()),
        ("export HELIOSTAT_TOKEN=...", "export HELIOSTAT_PASSWORD=\"$PASSWORD\"".to_owned()),
        ("wait 24 ", format!("wait {id} ")),
        ("/mirrorRepos/24/", format!("/mirrorRepos/{id}/")),
        ("--user ci ", "--user admin ".to_owned()),
        ("\"ci:", "\"admin:".to_owned()),
    ];
    // Without credentials only a mirror of another server answers, and of what is public.
    let of_origin = Server::mirror_of_origin(pair.upstream.base_url(), ServerOptions::default());
    let folder = tempfile::tempdir().expect("a folder can be made");
    let program = fs::canonicalize(binary()).expect("it is built");
    symlink(program, folder.path().join("heliostat")).expect("a link can be made");
    let path = std::env::var("PATH").expect("it is set");
    let commands = commands_of_the_page();
    assert_eq!(commands.len(), 4, "the program by id and by URL, and the same without it");
    for written in commands {
        let mirror = if written.contains("--user") { &pair.mirror } else { &of_origin };
        let written = written.replace("https://mirror.example.com", mirror.base());
        let script = names.iter().fold(written, |text, (there, here)| text.replace(there, here));
        let mut command = Command::new("sh");
        command.args(["-e", "-c", &script]).stdin(Stdio::null()).env_remove("HELIOSTAT_UPSTREAM");
        command.env("PATH", format!("{}:{path}", folder.path().display()));
        command.env("PASSWORD", ADMIN_PASSWORD).env("COMMIT", git(checkout.path(), &["rev-parse", "HEAD"]));
        let output = command.output().expect("there is a shell");
        assert!(output.status.success(), "{script}\n{}", said(&output));
    }
}
