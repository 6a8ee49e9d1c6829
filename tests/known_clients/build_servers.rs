//! Build servers that read from a mirror of the Git server they build from: the recipes of `docs/ci.md`, word for word, and
//! then the git commands that each of them gives.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use crate::harness::{
    Checkout, GitOrigin, Readers, Server, ServerOptions, binary, eventually, git, make_script,
};

const RECIPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ci.md");

/// As whom jobs read, with this password each.
const JOBS: [&str; 3] = ["x-access-token", "gitlab-ci-token", "ci"];
const TOKEN: &str = "the-token-of-a-job";

const REPOSITORY: &str = "/acme/tool.git";

/// A Git server with a private repository, a mirror of it, and a machine that builds.
struct Scene {
    origin: GitOrigin,
    mirror: Server,
    checkout: Checkout,
    /// The home of the user that builds, and their work space.
    machine: TempDir,
}

impl Scene {
    fn start() -> Self {
        let origin = GitOrigin::start();
        JOBS.iter().for_each(|name| origin.add_user(name, TOKEN));
        let readers: BTreeSet<String> = JOBS.map(str::to_owned).into();
        origin.add_repository(REPOSITORY, Readers::Only(readers));
        let mirror = Server::mirror_of_origin(origin.url(), ServerOptions::default());
        let machine = tempfile::tempdir().expect("a folder can be made");
        fs::create_dir(machine.path().join("home")).expect("a folder can be made");
        let scene = Self { origin, mirror, checkout: Checkout::with_commits(&["one", "two"]), machine };
        scene.push();
        scene
    }

    /// What was committed is at the Git server, and a pipeline wants it.
    fn push(&self) -> String {
        let folder = self.origin.folder(REPOSITORY);
        let into = folder.display().to_string();
        let tip = git(self.checkout.path(), &["rev-parse", "HEAD"]);
        git(self.checkout.path(), &["push", "--quiet", &into, "main"]);
        git(&folder, &["update-ref", "refs/pipelines/12", &tip]);
        tip
    }

    /// The address of the repository at the Git server.
    fn url(&self) -> String {
        self.origin.url().join(REPOSITORY).expect("a path").to_string()
    }

    fn home(&self) -> PathBuf {
        self.machine.path().join("home")
    }

    /// A recipe, with the addresses of these servers in it.
    fn recipe(&self, name: &str) -> String {
        let text = fs::read_to_string(RECIPES).expect("the recipes are there");
        let (_, section) = text.split_once(&format!("\n### {name}\n")).expect("there is such a recipe");
        let (_, block) = section.split_once("\n```").expect("it has a block");
        let (_, block) = block.split_once('\n').expect("it has lines");
        let (block, _) = block.split_once("\n```").expect("it has an end");
        self.with_addresses(block) + "\n"
    }

    /// The command by which the page sets git up on any machine.
    fn setup_command(&self) -> String {
        let text = fs::read_to_string(RECIPES).expect("the recipes are there");
        let (_, command) = text.split_once("`heliostat git-setup ").expect("the command is there");
        let (arguments, _) = command.split_once('`').expect("it has an end");
        format!("'{}' git-setup {}", binary().display(), self.with_addresses(arguments))
    }

    /// A text of the page, with the addresses of these servers in it.
    fn with_addresses(&self, text: &str) -> String {
        let authority =
            |url: &Url| url.as_str().trim_start_matches("http://").trim_end_matches('/').to_owned();
        let (origin, mirror) = (authority(self.origin.url()), authority(self.mirror.base_url()));
        text.replace("https://USER:TOKEN@mirror.example.com", &format!("http://ci:{TOKEN}@{mirror}"))
            .replace("https://mirror.example.com", &format!("http://{mirror}"))
            .replace("https://git.example.com", &format!("http://{origin}"))
    }

    /// Runs commands of a shell in the work space of the machine, with git as the user that builds has it.
    fn try_run(&self, environment: &[(String, String)], script: &str) -> Output {
        Command::new("sh")
            .args(["-e", "-c", script])
            .current_dir(self.machine.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("URL", self.url())
            .envs(environment.iter().cloned())
            .output()
            .expect("there is a shell")
    }

    /// The same; fails the test when one of them fails. Returns what they say, without the last line break.
    #[track_caller]
    fn run(&self, environment: &[(String, String)], script: &str) -> String {
        let output = self.try_run(environment, script);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{errors}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Fails the test unless git reads the repository from the mirror, and pushes to the Git server.
    #[track_caller]
    fn reads_from_the_mirror(&self, environment: &[(String, String)], setup: &str) {
        let read = self.run(environment, &format!("{setup}\ngit ls-remote --get-url \"$URL\""));
        assert!(read.starts_with(self.mirror.base_url().as_str()), "{read}");
        self.pushes_to_the_git_server(environment, setup);
    }

    /// Fails the test unless git pushes to the Git server.
    #[track_caller]
    fn pushes_to_the_git_server(&self, environment: &[(String, String)], setup: &str) {
        let pushed = format!(
            "{setup}\ngit init --quiet pushes\ngit -C pushes remote add origin \"$URL\"\n\
             git -C pushes remote get-url --push origin"
        );
        assert_eq!(self.run(environment, &pushed), self.url());
    }
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn yaml(text: &str) -> Value {
    yaml_serde::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn write(file: &Path, content: &str) {
    fs::write(file, content).expect("can be written");
}

#[test]
fn a_machine_that_is_set_up_by_one_command() {
    let scene = Scene::start();
    let command = scene.setup_command();
    scene.run(&[], &command);
    scene.reads_from_the_mirror(&[], "");
    scene.run(&[], &format!("{command} --undo"));
    assert_eq!(scene.run(&[], "git ls-remote --get-url \"$URL\""), scene.url());
}

#[test]
fn github_actions() {
    let scene = Scene::start();
    let steps = yaml(&scene.recipe("GitHub Actions"));
    let step = &steps["steps"][0];
    assert_eq!(step["env"]["TOKEN"], "${{ github.token }}");
    let file = scene.machine.path().join("github.env");
    let told = scene.run(
        &variables(&[("TOKEN", TOKEN), ("GITHUB_ENV", &file.display().to_string())]),
        step["run"].as_str().expect("a script"),
    );
    assert!(told.starts_with("::add-mask::"), "{told}");
    let text = fs::read_to_string(file).expect("the step has written it");
    let environment: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    scene.reads_from_the_mirror(&environment, "");

    let host = scene.origin.url();
    let checkout = format!(
        r#"
git version >&2
git config --global --add safe.directory "$PWD/tool"
git init --quiet tool
cd tool
git remote add origin "$URL"
git config --local gc.auto 0
git config --local http.{host}.extraheader "AUTHORIZATION: basic $(printf 'x-access-token:%s' {TOKEN} | base64 -w 0)"
git -c protocol.version=2 fetch --no-tags --prune --no-recurse-submodules --depth=1 origin "+$COMMIT:refs/remotes/origin/main"
git sparse-checkout disable
git checkout --progress --force -B main refs/remotes/origin/main
git log -1 --format=%H"#
    );
    let commit = git(scene.checkout.path(), &["rev-parse", "HEAD~1"]);
    let environment = [environment, variables(&[("COMMIT", &commit)])].concat();
    assert_eq!(scene.run(&environment, &checkout).lines().last(), Some(commit.as_str()));
}

#[test]
fn gitlab_runner() {
    let scene = Scene::start();
    let recipe = scene.recipe("GitLab Runner");
    let line = recipe.lines().find_map(|line| line.trim().strip_prefix("clone_url = ")).expect("is set");
    let (_, host) = line.trim_matches('"').split_once("://").expect("a URL");
    let url = format!("http://gitlab-ci-token:{TOKEN}@{host}{REPOSITORY}");
    for (round, access) in ["git init --quiet tool --template template", ":"].into_iter().enumerate() {
        let file = format!("in round {round}");
        let commit = scene.checkout.commit(&file, &file);
        scene.push();
        let commands = format!(
            r#"
mkdir -p template
git config -f template/config init.defaultBranch none
git config -f template/config fetch.recurseSubmodules false
{access}
cd tool
git remote add origin "$JOB_URL" 2> /dev/null || git remote set-url origin "$JOB_URL"
git -c http.userAgent="gitlab-runner linux/amd64" fetch origin +refs/pipelines/12:refs/pipelines/12 \
    +refs/heads/main:refs/remotes/origin/main --depth 20 --prune --quiet
git checkout -f -q "$COMMIT"
git clean -ffdx
git rev-parse HEAD"#
        );
        let environment = variables(&[("COMMIT", &commit), ("JOB_URL", &url)]);
        assert_eq!(scene.run(&environment, &commands), commit, "{access}");
    }
}

#[test]
fn jenkins() {
    let scene = Scene::start();
    scene.run(&[], &scene.recipe("Jenkins"));
    scene.reads_from_the_mirror(&[], "");
    // As the plugin answers git's questions.
    let answers = scene.machine.path().join("pass.sh");
    let script =
        format!("#!/bin/sh\ncase \"$1\" in\nUsername*) echo ci ;;\nPassword*) echo {TOKEN} ;;\nesac\n");
    make_script(&answers, &script);
    let commit = git(scene.checkout.path(), &["rev-parse", "HEAD"]);
    let environment = variables(&[("GIT_ASKPASS", &answers.display().to_string()), ("COMMIT", &commit)]);
    let commands = r#"
git ls-remote -h -- "$URL" >&2
git init --quiet tool
cd tool
git fetch --no-tags --force --progress -- "$URL" "+refs/heads/*:refs/remotes/origin/*"
git config remote.origin.url "$URL"
git config --add remote.origin.fetch "+refs/heads/*:refs/remotes/origin/*"
git rev-parse "refs/remotes/origin/main^{commit}" >&2
git config core.sparsecheckout || true
git checkout -f "$COMMIT"
git rev-parse HEAD"#;
    assert_eq!(scene.run(&environment, commands), commit);
}

#[tokio::test]
async fn buildkite() {
    let mut scene = Scene::start();
    let hook = scene.recipe("Buildkite");
    // The hook waits five seconds for the mirror; a busy machine may take longer.
    eventually("the hook to find the mirror", || async {
        let read = scene.run(&[], &format!("{hook}git ls-remote --get-url \"$URL\""));
        read.starts_with(scene.mirror.base_url().as_str()).then_some(())
    })
    .await;
    scene.pushes_to_the_git_server(&[], &hook);
    let at = |url: &Url| url.as_str().replace("http://", &format!("http://ci:{TOKEN}@"));
    let credentials = [at(scene.origin.url()), at(scene.mirror.base_url())].join("\n") + "\n";
    write(&scene.home().join(".git-credentials"), &credentials);
    write(&scene.home().join(".gitconfig"), "[credential]\n\thelper = store\n");
    let commit = git(scene.checkout.path(), &["rev-parse", "HEAD~1"]);
    let checkout = r#"
mkdir "$FOLDER"
cd "$FOLDER"
git clone -v -- "$URL" .
git clean -ffxdq
git fetch -v --prune -- origin "$COMMIT"
git checkout -f "$COMMIT"
git clean -ffxdq
git rev-parse HEAD"#;
    let script = format!("{hook}{checkout}");
    let of_folder = |folder: &str| variables(&[("COMMIT", &commit), ("FOLDER", folder)]);
    assert_eq!(scene.run(&of_folder("first"), &script), commit);
    scene.mirror.kill();
    assert_eq!(scene.run(&of_folder("second"), &script), commit, "the mirror is away");
}

#[test]
fn tekton() {
    let scene = Scene::start();
    let secret = yaml(&scene.recipe("Tekton"));
    for (name, content) in secret["stringData"].as_object().expect("files") {
        write(&scene.home().join(name), content.as_str().expect("text"));
    }
    let read = scene.run(&[], "git ls-remote --get-url \"$URL\"");
    assert!(read.starts_with(scene.mirror.base_url().as_str()), "{read}");
    let commands = r#"
git init --quiet tool
cd tool
git remote add origin "$URL"
git config --global http.sslVerify true
git fetch --recurse-submodules=yes --depth=1 origin --update-head-ok --force main
git show -q --pretty=format:%H FETCH_HEAD >&2
git checkout -f FETCH_HEAD
git submodule init
git submodule update --recursive --depth=1
git show -q --pretty=format:%H HEAD"#;
    assert_eq!(scene.run(&[], commands), git(scene.checkout.path(), &["rev-parse", "HEAD"]));
}
