//! A repository of the upstream follows one that is given by `git://` or over SSH. What is played here is the server; `outside`
//! has OpenSSH.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::follows_another_server::{follow, look, run};
use crate::harness::{
    Checkout, FakeSsh, GitDaemon, NoSsh, Server, ServerOptions, binary, eventually, git, said, shared_pair,
};

const MANY: usize = 2_000;

/// A repository on another server, and where its authors commit.
struct Source {
    folder: PathBuf,
    checkout: Checkout,
}

impl Source {
    fn new(folder: PathBuf) -> Self {
        let source = Self { folder, checkout: Checkout::new() };
        source.push(&["HEAD:refs/heads/main", "HEAD:refs/heads/old", "HEAD:refs/tags/v1"]);
        source
    }

    fn push(&self, refspecs: &[&str]) {
        let mut arguments = vec!["push", "--quiet", "--force", self.folder.to_str().expect("plain names")];
        arguments.extend(refspecs);
        git(self.checkout.path(), &arguments);
    }

    /// Very many tags in one step.
    fn add_many_tags(&self) {
        let tip = git(&self.folder, &["rev-parse", "refs/heads/main"]);
        let line = format!(
            "for i in $(seq {MANY}); do echo \"create refs/tags/many/$i {tip}\"; done | git update-ref --stdin"
        );
        let made = Command::new("sh").args(["-c", &line]).current_dir(&self.folder).status();
        assert!(made.expect("sh can be run").success());
    }

    /// All references of a repository at some place.
    fn listed_at(&self, url: &str) -> String {
        git(self.checkout.path(), &["ls-remote", url])
    }

    /// What is new there comes here, rewritten and deleted references too, and very many.
    async fn is_followed(&self, upstream: &Server, repository: &Value) {
        let here = upstream.admin_url(repository);
        let is_same = |followed: &Value| {
            assert_eq!(followed["state"], "IN_STEP", "{followed}");
            let there = self.folder.to_str().expect("plain names");
            assert_eq!(self.listed_at(here.as_str()), self.listed_at(there));
        };
        self.checkout.commit("later.txt", "later\n");
        self.push(&["HEAD:refs/heads/main"]);
        is_same(&look(upstream, repository).await);
        git(self.checkout.path(), &["commit", "--quiet", "--amend", "--message", "otherwise"]);
        self.push(&["HEAD:refs/heads/main", ":refs/heads/old"]);
        is_same(&look(upstream, repository).await);
        self.add_many_tags();
        is_same(&look(upstream, repository).await);
        assert!(self.listed_at(here.as_str()).lines().count() > MANY);
    }
}

#[tokio::test]
async fn a_daemon_is_followed_in_each_version_of_the_protocol() {
    let Some(mut daemon) = GitDaemon::start().await else { return };
    let upstream = &shared_pair().await.upstream;
    for (number, path) in ["/acme/new.git", "/acme/old.git"].into_iter().enumerate() {
        let source = Source::new(daemon.add_repository(path));
        let url = if number == 0 { daemon.url(path) } else { daemon.old_url(path) };
        let repository = upstream.empty_repository(false).await;
        let request = json!({"url": url, "intervalSeconds": 604_800});
        let followed = follow(upstream, &repository, &request).await;
        assert_eq!(followed["state"], "IN_STEP", "{followed}");
        source.is_followed(upstream, &repository).await;
    }

    let repository = upstream.empty_repository(false).await;
    let request = |path: &str| json!({"url": daemon.url(path), "intervalSeconds": 604_800});
    let missing = follow(upstream, &repository, &request("/acme/none.git")).await;
    assert_eq!(missing["error"]["fault"], "NOT_FOUND", "{missing}");
    let new = request("/acme/new.git");
    let followed = follow(upstream, &repository, &new).await;
    assert_eq!(followed["state"], "IN_STEP", "{followed}");
    daemon.end();
    let gone = look(upstream, &repository).await;
    assert_eq!(gone["error"]["fault"], "AWAY", "{gone}");
    let message = gone["error"]["message"].as_str().expect("it says why");
    assert!(message.contains("git://") && message.contains("nothing listens there"), "{message}");
}

/// An upstream that finds this program in the place of `ssh`.
fn upstream_with(ssh: &FakeSsh) -> Server {
    Server::upstream(ServerOptions { environment: vec![ssh.search_path()], ..ServerOptions::default() })
}

#[tokio::test]
async fn a_server_over_ssh_is_followed_with_a_key_that_shows_nowhere() {
    let ssh = FakeSsh::new();
    let upstream = upstream_with(&ssh);
    let source = Source::new(ssh.add_repository("acme/tool.git"));
    let repository = upstream.empty_repository(false).await;
    let mut request = json!({
        "url": "git@127.0.0.1:acme/tool.git",
        "intervalSeconds": 604_800,
        "sshKey": FakeSsh::right_key(),
        "knownHosts": FakeSsh::known_hosts(),
    });
    let followed = follow(&upstream, &repository, &request).await;
    assert_eq!((&followed["state"], &followed["sshKeySet"]), (&"IN_STEP".into(), &true.into()), "{followed}");
    source.is_followed(&upstream, &repository).await;

    let fault = async |request: &Value| {
        let followed = follow(&upstream, &repository, request).await;
        let message = followed["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains("git@127.0.0.1"), "{followed}");
        (followed["error"]["fault"].clone(), message)
    };
    let (gone, said) = {
        ssh.be_gone(true);
        let told = fault(&request).await;
        ssh.be_gone(false);
        told
    };
    assert!(gone == "AWAY" && said.contains("Connection refused"), "{said}");
    let mut missing = request.clone();
    missing["url"] = "git@127.0.0.1:acme/none.git".into();
    assert_eq!(fault(&missing).await.0, "NOT_FOUND");
    let mut unknown = request.clone();
    unknown["knownHosts"] = "127.0.0.1 ssh-ed25519 AAAA0000".into();
    let (fault_of_host, said) = fault(&unknown).await;
    assert!(fault_of_host == "NOT_TRUSTED" && said.contains("host key"), "{said}");
    request["sshKey"] = FakeSsh::right_key().replace("Ann", "Ben").into();
    let (fault_of_key, said) = fault(&request).await;
    assert!(fault_of_key == "CREDENTIALS" && said.contains("the key"), "{said}");

    let arguments = ssh.arguments();
    for wanted in ["BatchMode=yes", "StrictHostKeyChecking=yes", "IdentityAgent=none", "SendEnv=GIT_PROTOCOL"]
    {
        assert!(arguments.lines().any(|line| line == wanted), "{wanted} is missing: {arguments}");
    }
    assert!(arguments.contains("git-upload-pack 'acme/tool.git'"), "{arguments}");
    assert!(!arguments.contains("aKeyOf") && !upstream.log().contains("aKeyOf"), "a key shows");
    let data = upstream.data();
    eventually("the files with keys to be gone", || async { (!holds_key_folder(&data)).then_some(()) }).await;
}

/// Whether there is a folder for a key somewhere below.
fn holds_key_folder(folder: &Path) -> bool {
    std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        is_folder
            && (entry.file_name().to_string_lossy().starts_with("ssh-") || holds_key_folder(&entry.path()))
    })
}

#[tokio::test]
async fn one_command_takes_key_and_known_hosts_from_files() {
    let ssh = FakeSsh::new();
    let upstream = upstream_with(&ssh);
    Source::new(ssh.add_repository("acme/tool.git"));
    let project = upstream.new_project(false).await;
    let key = project["key"].as_str().expect("has a key");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let files = ["key", "known_hosts"].map(|name| folder.path().join(name));
    std::fs::write(&files[0], FakeSsh::right_key()).expect("a file can be written");
    std::fs::write(&files[1], FakeSsh::known_hosts()).expect("a file can be written");
    let [key_file, hosts_file] = files.each_ref().map(|file| file.to_str().expect("plain names"));

    let source = ["follow", "git@127.0.0.1:acme/tool.git", "--project", key];
    let refused = run(&upstream, &source);
    assert!(!refused.status.success() && said(&refused).contains("private key"), "{}", said(&refused));
    let with_key = [&source[..], &["--source-ssh-key-file", key_file]].concat();
    let unknown = run(&upstream, &with_key);
    assert!(!unknown.status.success() && said(&unknown).contains("host key"), "{}", said(&unknown));
    let followed = run(&upstream, &[&with_key[..], &["--source-known-hosts-file", hosts_file]].concat());
    assert!(followed.status.success() && said(&followed).contains("IN_STEP"), "{}", said(&followed));
    let looked = run(&upstream, &["follow-now", &format!("{key}/tool")]);
    assert!(looked.status.success(), "{}", said(&looked));
}

/// What the doctor says of ssh to who has this search path.
fn doctor_of_ssh((name, path): &(String, String), more: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut command = Command::new(binary());
    command.arg("doctor").arg("--data").arg(folder.path()).args(more).env(name, path);
    let told = said(&command.output().expect("the binary can be started"));
    let mut lines = told.lines().skip_while(|line| !line.contains(" ssh "));
    let (first, second) = (lines.next(), lines.next());
    [first, second].into_iter().flatten().collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn an_ssh_that_is_missing_is_told_by_the_doctor_before_and_by_the_server_when_it_is_needed() {
    let (ssh, none) = (FakeSsh::new(), NoSsh::new());
    let found = doctor_of_ssh(&ssh.search_path(), &[]);
    assert!(found.starts_with("ok ") && found.contains("ssh is OpenSSH_9.9p9 Fake-1"), "{found}");
    let missing = doctor_of_ssh(&none.search_path(), &[]);
    assert!(missing.starts_with("warning ") && missing.contains("openssh-client"), "{missing}");
    let of_a_mirror = doctor_of_ssh(&none.search_path(), &["--origin", "http://127.0.0.1:1"]);
    assert!(of_a_mirror.starts_with("skipped "), "{of_a_mirror}");

    let environment = vec![none.search_path()];
    let upstream = Server::upstream(ServerOptions { environment, ..ServerOptions::default() });
    let repository = upstream.empty_repository(false).await;
    let request = json!({
        "url": "git@127.0.0.1:acme/tool.git",
        "intervalSeconds": 604_800,
        "sshKey": FakeSsh::right_key(),
        "knownHosts": FakeSsh::known_hosts(),
    });
    let followed = follow(&upstream, &repository, &request).await;
    assert_eq!(followed["error"]["fault"], "THIS_SERVER", "{followed}");
    let message = followed["error"]["message"].as_str().expect("it says why");
    assert!(message.contains("git@127.0.0.1") && message.contains("openssh-client"), "{message}");
    eventually("the status to say that something is to be looked at", || async {
        let status = upstream.anonymous().get("/status").await.json();
        let is_told = status["reason"].as_str().is_some_and(|reason| reason.contains("in step"));
        (is_told && status["health"] == "YELLOW").then_some(())
    })
    .await;
}

#[test]
fn a_mirror_of_such_a_server_is_refused_with_what_to_do_instead() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for origin in ["ssh://git@git.example.com", "git@git.example.com:acme", "git://git.example.com"] {
        let mut command = Command::new(binary());
        command.args(["mirror", "--origin", origin, "--data"]).arg(folder.path().join("data"));
        let refused = command.output().expect("the binary can be started");
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        assert!(said(&refused).contains("heliostat repository follow"), "{}", said(&refused));
    }
}
