//! Real git as a user has it: clones, commits and pushes with fixed names and dates.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use url::Url;

/// Runs git; fails the test when it fails; returns its trimmed standard output.
#[track_caller]
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = git_output(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {} failed: {errors}", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Runs git; fails the test when it succeeds; returns its standard error.
#[track_caller]
pub fn git_fails(folder: &Path, arguments: &[&str]) -> String {
    let output = git_output(folder, arguments);
    assert!(!output.status.success(), "git {} succeeded", arguments.join(" "));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What the one shell line of an operator says of the refs of a repository: the SHA-256 of their list.
pub fn refs_hash(folder: &Path) -> String {
    let line = "git for-each-ref --format='%(objectname) %(refname)' | sha256sum | cut -d' ' -f1";
    let output = Command::new("sh").args(["-c", line]).current_dir(folder).output().expect("sh can be run");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Runs git with no configuration but its own.
pub fn git_output(folder: &Path, arguments: &[&str]) -> Output {
    let program = std::env::var_os("HELIOSTAT_TEST_GIT").unwrap_or_else(|| "git".into());
    git_command(&program, folder).args(arguments).output().expect("git can be run")
}

/// A command of some git with no configuration but its own; its first arguments are given.
pub fn git_command(program: &OsStr, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["-c", "protocol.version=2", "-c", "init.defaultBranch=main"])
        // Nothing goes on in a folder after the command has ended.
        .args(["-c", "maintenance.auto=false", "-c", "gc.auto=0"])
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.com")
        .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.com")
        .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z");
    command
}

/// A work tree to commit in.
#[derive(Debug)]
pub struct Checkout {
    folder: TempDir,
}

impl Checkout {
    /// A new repository with one commit on `main`.
    pub fn new() -> Self {
        let checkout = Checkout { folder: tempfile::tempdir().expect("a folder can be made") };
        git(checkout.path(), &["init", "--quiet"]);
        checkout.commit("README.md", "first\n");
        checkout
    }

    /// The same with a commit for each of these files after it.
    pub fn with_commits(files: &[&str]) -> Self {
        let checkout = Self::new();
        for file in files {
            checkout.commit(file, file);
        }
        checkout
    }

    /// The work tree.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file and commits it; returns the commit's id.
    pub fn commit(&self, file: &str, content: &str) -> String {
        let path: PathBuf = self.path().join(file);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a folder can be made");
        }
        std::fs::write(path, content).expect("a file can be written");
        git(self.path(), &["add", "--all"]);
        git(self.path(), &["commit", "--quiet", "--message", &format!("change {file}")]);
        git(self.path(), &["rev-parse", "HEAD"])
    }

    /// Pushes refspecs to a URL.
    #[track_caller]
    pub fn push(&self, url: &Url, refspecs: &[&str]) {
        let mut arguments = vec!["push", "--quiet", "--force", url.as_str()];
        arguments.extend(refspecs);
        git(self.path(), &arguments);
    }
}
