//! Clients that generators make of the served document tell a story: from an empty upstream to a mirror and back.
//!
//! The stories stand in the folder beside this file, one for each generator, in the language of the client. Each has
//! an upstream without anything, a mirror that asks to join, and a working copy to push from.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;

use crate::harness::{ADMIN_PASSWORD, Checkout, Server, ServerOptions, must_succeed, tool};

/// The name of the mirror that asks to join.
const MIRROR_NAME: &str = "Saigon";
/// What a story says at its end.
const LAST_WORDS: &str = "the story is told";
/// What openapi-generator warns of whatever the contract, be it one operation and one schema.
const SAID_ALWAYS: &str = "Failed to get the schema name: null";

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn python_by_openapi_python_client() {
    let stage = Stage::set();
    let client = stage.client("python", &stage.mirror);
    let mut story = stage.python("story_openapi_python_client.py", &client);
    stage.tell(&mut story);
    told("story-openapi-python-client", story);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn python_by_openapi_generator() {
    let stage = Stage::set();
    // As a user does who knows the address of the server and the name of the generator.
    let client = stage.home.path().join("client");
    let mut generator = tool("openapi-generator-cli");
    generator.args(["generate", "-g", "python", "-i", &served_by(&stage.upstream), "-o"]).arg(&client);
    let said = must_succeed("generate-openapi-generator-python", generator);
    let complaints: Vec<&str> = said
        .lines()
        .filter(|line| line.contains(" WARN ") || line.contains(" ERROR "))
        .filter(|line| !line.contains(SAID_ALWAYS))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let mut story = stage.python("story_openapi_generator.py", &client);
    stage.tell(&mut story);
    told("story-openapi-generator-python", story);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn typescript_by_openapi_typescript() {
    let stage = Stage::set();
    let client = stage.client("typescript", &stage.upstream);
    let modules = std::env::var_os("HELIOSTAT_NODE_MODULES").map(PathBuf::from);
    let modules = modules.expect("the stage says where Node's modules are");
    // What `npm install` does, from what is here.
    link(&modules, &client.join("node_modules"));
    let mut build = tool("tsc");
    build.current_dir(&client);
    must_succeed("build-typescript-client", build);

    let story = stage.home.path().join("story");
    fs::create_dir_all(story.join("node_modules")).expect("a folder can be made");
    link(&client, &story.join("node_modules/heliostat-client"));
    link(&modules.join("@types"), &story.join("node_modules/@types"));
    for file in ["story.ts", "tsconfig.json"] {
        fs::copy(stories().join(file), story.join(file)).expect("a story can be copied");
    }
    fs::write(story.join("package.json"), r#"{"type": "module"}"#).expect("a file can be written");
    let mut check = tool("tsc");
    check.args(["--strict", "--noEmit", "--project"]).arg(&story);
    must_succeed("check-typescript-story", check);

    let mut node = tool("node");
    node.arg("story.ts").current_dir(&story);
    stage.tell(&mut node);
    told("story-openapi-typescript", node);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn go_by_openapi_generator() {
    let stage = Stage::set();
    let client = stage.client("go", &stage.upstream);
    let program = stage.home.path().join("program");
    fs::create_dir(&program).expect("a folder can be made");
    fs::copy(stories().join("first_steps.go"), program.join("main.go")).expect("a program can be copied");
    let module = "module example.com/story\n\ngo 1.23\n\nrequire example.com/heliostat/client v0.0.0\n\n\
        replace example.com/heliostat/client => ../client\n";
    fs::write(program.join("go.mod"), module).expect("a file can be written");
    stage.go("compile-go-client", &["build", "./..."], &client);
    stage.go("vet-go-client", &["vet", "."], &client);
    let binary = stage.home.path().join("first-steps");
    stage.go("compile-go-program", &["build", "-o", binary.to_str().expect("is UTF-8")], &program);
    let mut steps = Command::new(binary);
    stage.tell(&mut steps);
    told("story-openapi-generator-go", steps);
}

/// Where a server hands out the contract.
fn served_by(server: &Server) -> String {
    format!("{}/openapi/heliostat.json", server.base())
}

fn stories() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("outside/generated_clients")
}

fn link(target: &Path, place: &Path) {
    symlink(target, place).unwrap_or_else(|error| panic!("cannot make {}: {error}", place.display()));
}

/// Runs a story, which must reach its end.
fn told(name: &str, story: Command) {
    let said = must_succeed(name, story);
    assert_eq!(said.lines().last(), Some(LAST_WORDS), "{name} says otherwise:\n{said}");
}

/// What a story plays on.
struct Stage {
    upstream: Server,
    mirror: Server,
    checkout: Checkout,
    home: TempDir,
}

impl Stage {
    fn set() -> Self {
        let upstream = Server::upstream(ServerOptions::default());
        let mirror = Server::mirror(upstream.base_url(), MIRROR_NAME, ServerOptions::default());
        let home = tempfile::tempdir().expect("a folder can be made");
        Stage { upstream, mirror, checkout: Checkout::new(), home }
    }

    /// Makes a client as the README says, from what a server hands out.
    fn client(&self, language: &str, server: &Server) -> PathBuf {
        let xtask = std::env::var_os("HELIOSTAT_TEST_XTASK").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/xtask"),
            PathBuf::from,
        );
        let folder = self.home.path().join("client");
        let mut command = Command::new(xtask);
        command.args(["client", language, "--from", &served_by(server), "--out"]).arg(&folder);
        let said = must_succeed(&format!("client-{language}"), command);
        assert!(
            said.contains(folder.to_str().expect("is UTF-8")),
            "it does not say what to do next:\n{said}"
        );
        folder
    }

    /// A story in Python.
    fn python(&self, story: &str, client: &Path) -> Command {
        let mut python = tool("python");
        python.arg(stories().join(story)).current_dir(self.home.path());
        python.env("PYTHONPATH", client).env("PYTHONDONTWRITEBYTECODE", "1");
        python
    }

    /// The Go toolchain, without a module from elsewhere.
    fn go(&self, name: &str, arguments: &[&str], folder: &Path) {
        let mut go = tool("go");
        go.args(arguments).current_dir(folder).env("GOPATH", self.home.path().join("go"));
        go.env("GOPROXY", "off").env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0");
        must_succeed(name, go);
    }

    /// Tells a story where it plays. Git is given the administrator's credentials.
    fn tell(&self, story: &mut Command) {
        let credentials = BASE64_STANDARD.encode(format!("admin:{ADMIN_PASSWORD}"));
        story
            .env("HELIOSTAT_STORY_UPSTREAM", self.upstream.base())
            .env("HELIOSTAT_STORY_MIRROR", self.mirror.base())
            .env("HELIOSTAT_STORY_MIRROR_NAME", MIRROR_NAME)
            .env("HELIOSTAT_STORY_PASSWORD", ADMIN_PASSWORD)
            .env("HELIOSTAT_STORY_WORKING_COPY", self.checkout.path())
            .env("HELIOSTAT_STORY_NEW_CLONE", self.home.path().join("new-clone"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "http.extraHeader")
            .env("GIT_CONFIG_VALUE_0", format!("Authorization: Basic {credentials}"));
    }
}
