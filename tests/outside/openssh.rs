//! OpenSSH as the server of repositories that are followed: by its keys, with its words, and through its daemon.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    ADMIN_PASSWORD, Checkout, KeptAddress, Program, Server, ServerOptions, binary, eventually, git,
    repository_path, said,
};

/// Where the system's package puts it.
const DAEMON: &str = "/usr/sbin/sshd";

/// Where it keeps what it has no rights to; the package makes this folder when it is started as a service.
const SEPARATION: &str = "/run/sshd";

const MANY: usize = 2_000;

/// A daemon that lets the user of this process in by a key.
struct OpenSsh {
    folder: TempDir,
    program: Option<Program>,
    address: KeptAddress,
}

impl OpenSsh {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        for name in ["host", "reader", "other"] {
            make_key(&folder.path().join(name));
        }
        fs::copy(folder.path().join("reader.pub"), folder.path().join("authorized_keys"))
            .expect("a file can be copied");
        if is_root() {
            fs::create_dir_all(SEPARATION).expect("this is root");
        }
        let (program, address) = Self::run(folder.path()).await;
        Self { folder, program: Some(program), address }
    }

    async fn run(folder: &Path) -> (Program, KeptAddress) {
        Program::listening(&folder.join("log"), |address| {
            let path = std::env::var("PATH").unwrap_or_default();
            let settings = SETTINGS
                .replace("@FOLDER@", &folder.display().to_string())
                .replace("@PORT@", &address.port().to_string())
                .replace("@PATH@", &path);
            let file = folder.join("sshd_config");
            fs::write(&file, settings).expect("a file can be written");
            let mut command = Command::new(DAEMON);
            command.args(["-D", "-e", "-f"]).arg(file);
            command
        })
        .await
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).expect("it was written")
    }

    /// A new repository without commits, and its URL.
    fn add_repository(&self, name: &str) -> (PathBuf, String) {
        let folder = self.file(name);
        fs::create_dir(&folder).expect("a folder can be made");
        git(&folder, &["init", "--quiet", "--bare"]);
        let url = format!("ssh://{}@{}{}", user(), self.address, folder.display());
        (folder, url)
    }

    /// The line by which it is known.
    fn known_hosts(&self) -> String {
        let host_key = self.text("host.pub");
        format!("[127.0.0.1]:{} {host_key}", self.address.port())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap_or_default()
    }
}

const SETTINGS: &str = "
ListenAddress 127.0.0.1
Port @PORT@
HostKey @FOLDER@/host
PidFile none
AuthorizedKeysFile @FOLDER@/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication yes
PermitRootLogin prohibit-password
AcceptEnv GIT_PROTOCOL
SetEnv PATH=@PATH@
LogLevel VERBOSE
";

fn make_key(path: &Path) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path);
    assert!(command.status().expect("ssh-keygen came with the daemon").success());
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("it can be run");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn user() -> String {
    said_by("id", &["-un"])
}

fn is_root() -> bool {
    said_by("id", &["-u"]) == "0"
}

/// Sets what a repository follows, and gives how it stands after a look that began later.
async fn follow(upstream: &Server, repository: &Value, request: &Value) -> Value {
    let path = format!("{}/following", repository_path(repository));
    let admin = upstream.admin();
    admin.put(&path, request).await.promised(200);
    look(upstream, repository).await
}

async fn look(upstream: &Server, repository: &Value) -> Value {
    let path = format!("{}/following", repository_path(repository));
    let admin = upstream.admin();
    let before = admin.get(&path).await.promised(200);
    admin.post_nothing(&format!("{path}/now")).await.promised(202);
    eventually("the look to have ended", || async {
        let now = admin.get(&path).await.promised(200);
        let is_later = now["lastAttemptAt"].as_i64() > before["lastAttemptAt"].as_i64();
        (is_later && now["inProgress"] == false).then_some(now)
    })
    .await
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn what_openssh_gives_is_followed_and_what_it_refuses_is_told() {
    let mut server = OpenSsh::start().await;
    let (folder, url) = server.add_repository("tool.git");
    let checkout = Checkout::new();
    let push = |refspecs: &[&str]| {
        let mut arguments = vec!["push", "--quiet", "--force", folder.to_str().expect("plain names")];
        arguments.extend(refspecs);
        git(checkout.path(), &arguments);
    };
    push(&["HEAD:refs/heads/main", "HEAD:refs/heads/old", "HEAD:refs/tags/v1"]);
    let upstream = Server::upstream(ServerOptions::default());
    let repository = upstream.empty_repository(false).await;
    let request = json!({
        "url": url,
        "intervalSeconds": 604_800,
        "sshKey": server.text("reader"),
        "knownHosts": server.known_hosts(),
    });
    let at = |url: &str| git(checkout.path(), &["ls-remote", url]);
    let is_same = |followed: &Value| {
        assert_eq!(followed["state"], "IN_STEP", "{followed}\n{}", server.log());
        let there = folder.to_str().expect("plain names");
        assert_eq!(at(upstream.admin_url(&repository).as_str()), at(there));
    };
    is_same(&follow(&upstream, &repository, &request).await);
    checkout.commit("later.txt", "later\n");
    push(&["HEAD:refs/heads/main"]);
    is_same(&look(&upstream, &repository).await);
    git(checkout.path(), &["commit", "--quiet", "--amend", "--message", "otherwise"]);
    push(&["HEAD:refs/heads/main", ":refs/heads/old"]);
    is_same(&look(&upstream, &repository).await);
    let tip = git(&folder, &["rev-parse", "refs/heads/main"]);
    let line = format!(
        "for i in $(seq {MANY}); do echo \"create refs/tags/many/$i {tip}\"; done | git update-ref --stdin"
    );
    let made = Command::new("sh").args(["-c", &line]).current_dir(&folder).status();
    assert!(made.expect("sh can be run").success());
    is_same(&look(&upstream, &repository).await);

    let other = upstream.empty_repository(false).await;
    let with = |field: &str, value: &str| {
        let mut request = request.clone();
        request[field] = value.into();
        request
    };
    let changed = format!("[127.0.0.1]:{} {}", server.address.port(), server.text("other.pub"));
    let elsewhere = format!("git.example.com {}", server.text("host.pub"));
    for (wrong, fault, says) in [
        (with("sshKey", &server.text("other")), "CREDENTIALS", "Permission denied"),
        (with("knownHosts", &elsewhere), "NOT_TRUSTED", "host key is known"),
        (with("knownHosts", &changed), "NOT_TRUSTED", "has changed"),
        (with("url", &url.replace("tool.git", "none.git")), "NOT_FOUND", "no repository"),
    ] {
        let followed = follow(&upstream, &other, &wrong).await;
        assert_eq!(followed["error"]["fault"], fault, "{followed}\n{}", server.log());
        let message = followed["error"]["message"].as_str().expect("it says why");
        assert!(message.contains(says), "{message}");
    }
    server.program = None;
    let gone = look(&upstream, &repository).await;
    assert_eq!(gone["error"]["fault"], "AWAY", "{gone}");
    assert!(!upstream.log().contains("PRIVATE KEY"), "a key is in the log");
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn an_import_says_that_the_host_is_not_known_here() {
    let server = OpenSsh::start().await;
    let (_, url) = server.add_repository("tool.git");
    let upstream = Server::upstream(ServerOptions::default());
    let project = upstream.new_project(false).await;
    let mut command = Command::new(binary());
    command.args(["repository", "import", &url, "--project", project["key"].as_str().expect("has a key")]);
    command.args(["--url", upstream.base_url().as_str()]);
    command.env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD);
    let refused = command.output().expect("the binary can be started");
    assert!(!refused.status.success(), "{}", said(&refused));
    assert!(said(&refused).contains("does not know the host key"), "{}", said(&refused));
}
