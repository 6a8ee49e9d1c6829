//! Repositories for tests, made at run time with fixed names and dates.
#![expect(clippy::disallowed_methods, reason = "what is tested must not prepare its own tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use crate::git::Git;
use crate::object_id::ObjectFormat;
use crate::repository::Repository;
use crate::repository_store::RepositoryStore;

/// The `git` under test: the one on the search path, or the one this variable names.
const PROGRAM_VARIABLE: &str = "HELIOSTAT_TEST_GIT";

pub(crate) async fn git() -> Git {
    Git::discover(&program()).await.expect("a usable git is installed")
}

fn program() -> PathBuf {
    std::env::var_os(PROGRAM_VARIABLE).unwrap_or_else(|| "git".into()).into()
}

/// A folder that is gone after the test, and a `git` to work in it.
pub(crate) struct Workshop {
    folder: TempDir,
    pub(crate) git: Git,
}

impl Workshop {
    pub(crate) async fn new() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder"), git: git().await }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir(&path).expect("a new folder");
        path
    }

    pub(crate) fn store(&self) -> RepositoryStore {
        RepositoryStore::new(self.git.clone(), self.path("store"), Arc::default()).expect("a store")
    }

    pub(crate) fn work_tree(&self, name: &str) -> PathBuf {
        let path = self.folder(name);
        self.run(&path, &["init", "--quiet", "--initial-branch=main", "."]);
        path
    }

    /// A bare repository with a commit of its own on every branch.
    pub(crate) async fn bare_with_commits(&self, name: &str, branches: &[&str]) -> Repository {
        let repository = self.bare(name, ObjectFormat::Sha1);
        for branch in branches {
            self.commit(&repository, branch);
        }
        repository
    }

    /// A bare repository of this format with one commit on `main`.
    pub(crate) async fn bare_with_format(&self, name: &str, format: ObjectFormat) -> Repository {
        let repository = self.bare(name, format);
        self.commit(&repository, "main");
        repository
    }

    pub(crate) fn bare(&self, name: &str, format: ObjectFormat) -> Repository {
        let path = self.folder(&format!("{name}.git"));
        let format = format!("--object-format={format}");
        self.run(&path, &["init", "--quiet", "--bare", "--initial-branch=main", &format, "."]);
        Repository::at(self.git.clone(), path)
    }

    /// Adds a commit with a file of its own to a branch, and returns its name.
    pub(crate) fn commit(&self, repository: &Repository, branch: &str) -> String {
        let full = format!("refs/heads/{branch}");
        let parent =
            self.try_run(repository.path(), &["rev-parse", "--verify", "--quiet", &full]).unwrap_or_default();
        let script = format!(
            "echo '{branch} after {parent}' | git hash-object -w --stdin \
             | xargs printf '100644 blob %s\\tfile\\n' | git mktree"
        );
        let tree = self.shell(repository.path(), &script);
        let mut args = vec!["commit-tree", "-m", "a commit", tree.trim()];
        if !parent.is_empty() {
            args.extend(["-p", parent.trim()]);
        }
        let commit = self.run(repository.path(), &args).trim().to_owned();
        self.run(repository.path(), &["update-ref", &full, &commit]);
        commit
    }

    /// Runs git and returns what it prints; fails the test when it fails.
    pub(crate) fn run(&self, folder: &Path, args: &[&str]) -> String {
        self.try_run(folder, args).unwrap_or_else(|| panic!("git {args:?} failed"))
    }

    pub(crate) fn try_run(&self, folder: &Path, args: &[&str]) -> Option<String> {
        let mut command = Command::new(program());
        command.args(args);
        self.output(command, folder)
    }

    pub(crate) fn shell(&self, folder: &Path, script: &str) -> String {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        self.output(command, folder).unwrap_or_else(|| panic!("{script} failed"))
    }

    fn output(&self, mut command: Command, folder: &Path) -> Option<String> {
        command.current_dir(folder).stdin(Stdio::null());
        command.env_remove("GIT_DIR").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Test")
                .env(format!("GIT_{role}_EMAIL"), "test@example.com");
            command.env(format!("GIT_{role}_DATE"), "2024-01-01T00:00:00Z");
        }
        let output = command.output().expect("the program runs");
        output.status.success().then(|| String::from_utf8(output.stdout).expect("text"))
    }
}
