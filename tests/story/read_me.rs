//! The two lines of the README that put a mirror in front of a Git server, as they stand there but for the addresses.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::harness::{Checkout, GitOrigin, Manner, Program, Readers, binary, git, make_script, said};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
const SECTION: &str = "\n### In front of the Git server that you have\n";
/// What stands for the server that people have.
const ORIGIN: &str = "https://git.example.com";
/// Where the mirror listens by itself.
const MIRROR: &str = "http://127.0.0.1:7991";
const PATH: &str = "/acme/tool.git";

/// The lines of the first commands in the section: what starts the mirror, and what sets git up.
fn lines() -> [String; 2] {
    let text = fs::read_to_string(README).expect("it is there");
    let (_, section) = text.split_once(SECTION).expect("there is such a section");
    let block = section.split("```\n").nth(1).expect("it has commands");
    let lines: Vec<String> = block.lines().map(str::to_owned).collect();
    lines.try_into().expect("two lines")
}

/// A line with an address of this machine in the place of one in it.
#[track_caller]
fn with(line: &str, written: &str, here: &str) -> String {
    assert!(line.contains(written), "{line:?} does not name {written}");
    line.replace(written, here)
}

/// Who is asked for a password types `$READER`, and the same with `-password` behind it.
const TYPES: &str =
    "#!/bin/sh\ncase \"$1\" in Username*) echo \"$READER\" ;; *) echo \"$READER-password\" ;; esac\n";

/// A machine on which nothing is set up.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().expect("a folder can be made") };
        fs::create_dir_all(desk.file("bin")).expect("a folder can be made");
        let program = fs::canonicalize(binary()).expect("it is built");
        symlink(program, desk.file("bin/heliostat")).expect("a link can be made");
        make_script(&desk.file("bin/types"), TYPES);
        desk
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shell(&self, script: &str) -> Command {
        let path = std::env::var("PATH").expect("it is set");
        let mut command = Command::new("sh");
        command
            .args(["-e", "-c", script])
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", format!("{}:{path}", self.file("bin").display()))
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ASKPASS", self.file("bin/types"));
        command
    }

    fn output(&self, reader: &str, script: &str) -> Output {
        self.shell(script).env("READER", reader).output().expect("there is a shell")
    }

    /// What a reader gets who may read.
    #[track_caller]
    fn types(&self, script: &str) -> String {
        let output = self.output("ann", script);
        assert!(output.status.success(), "{script}\n{}", said(&output));
        said(&output)
    }
}

#[tokio::test]
async fn two_lines_put_a_mirror_in_front_of_a_git_server() {
    let (origin, source) = (GitOrigin::start(), Checkout::with_commits(&["one", "two"]));
    for user in ["ann", "ben"] {
        origin.add_user(user, &format!("{user}-password"));
    }
    let folder = origin.add_repository(PATH, Readers::only("ann")).display().to_string();
    let push = || git(source.path(), &["push", "--quiet", &folder, "main"]);
    push();
    let at_origin = origin.url().as_str().trim_end_matches('/');

    let (desk, [start, set_up]) = (Desk::new(), lines());
    let start = with(&start, ORIGIN, at_origin);
    let started = |address: SocketAddr| {
        let mut command = desk.shell(&format!("exec {start}"));
        command.env("HELIOSTAT_LISTEN", address.to_string());
        command
    };
    let (_mirror, kept) = Program::listening(&desk.file("log"), started).await;
    let at_mirror = format!("http://{kept}");
    desk.types(&with(&with(&set_up, MIRROR, &at_mirror), ORIGIN, at_origin));

    let url = format!("{at_origin}{PATH}");
    let read_from = desk.types(&format!("git ls-remote --get-url {url}"));
    assert_eq!(read_from.trim(), format!("{at_mirror}{PATH}"));
    let is_cloned = |name: &str| {
        desk.types(&format!("git clone --quiet {url} {name}"));
        let head = |checkout: PathBuf| git(&checkout, &["rev-parse", "HEAD"]);
        assert_eq!(head(desk.file(name)), head(source.path().to_owned()), "{name}");
    };
    is_cloned("first");
    source.commit("three", "three");
    push();
    is_cloned("exactly-as-it-is-at-that-moment");
    let refused = desk.output("ben", &format!("git clone --quiet {url} of-ben"));
    assert!(!refused.status.success(), "everybody reads what they may read there: {}", said(&refused));
    origin.be(Manner::Gone);
    is_cloned("while-the-server-is-away");
}
