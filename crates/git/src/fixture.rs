//! Repositories for tests, made at run time with fixed names and dates.
#![expect(clippy::disallowed_methods, reason = "what is tested must not prepare its own tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use heliostat_git_wire::ObjectFormat;
use tempfile::TempDir;

use crate::process::Git;
use crate::refs::DEFAULT_REF_MEMORY_BYTES;
use crate::repository::{Repository, RepositoryStore};

/// The `git` under test: the one on the search path, or the one this variable names.
const PROGRAM_VARIABLE: &str = "HELIOSTAT_TEST_GIT";

/// The `git` under test.
pub async fn git() -> Git {
    Git::discover(&program()).await.expect("a usable git is installed")
}

fn program() -> PathBuf {
    std::env::var_os(PROGRAM_VARIABLE).unwrap_or_else(|| "git".into()).into()
}

/// A folder that is gone after the test, and a `git` to work in it.
pub struct Workshop {
    folder: TempDir,
    /// The `git` under test.
    pub git: Git,
}

impl Workshop {
    /// A new folder.
    pub async fn new() -> Self {
        Self { folder: TempDir::new().expect("a temporary folder"), git: git().await }
    }

    /// A place in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new folder in the folder.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir(&path).expect("a new folder");
        path
    }

    /// A store in the folder, always the same.
    pub fn store(&self) -> RepositoryStore {
        RepositoryStore::new(self.git.clone(), self.path("store"), DEFAULT_REF_MEMORY_BYTES).expect("a store")
    }

    /// A repository with a work tree and no commit.
    pub fn work_tree(&self, name: &str) -> PathBuf {
        let path = self.folder(name);
        self.run(&path, &["init", "--quiet", "--initial-branch=main", "."]);
        path
    }

    /// A bare repository with a commit of its own on every branch.
    pub async fn bare_with_commits(&self, name: &str, branches: &[&str]) -> Repository {
        let repository = self.bare(name, ObjectFormat::Sha1);
        for branch in branches {
            self.commit(&repository, branch);
        }
        repository
    }

    /// A bare repository of this format with one commit on `main`.
    pub async fn bare_with_format(&self, name: &str, format: ObjectFormat) -> Repository {
        let repository = self.bare(name, format);
        self.commit(&repository, "main");
        repository
    }

    /// A bare repository without a commit.
    pub fn bare(&self, name: &str, format: ObjectFormat) -> Repository {
        let path = self.folder(&format!("{name}.git"));
        let format = format!("--object-format={format}");
        self.run(&path, &["init", "--quiet", "--bare", "--initial-branch=main", &format, "."]);
        Repository::at(self.git.clone(), path)
    }

    /// Adds a commit with a file of its own to a branch, and returns its name.
    pub fn commit(&self, repository: &Repository, branch: &str) -> String {
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
    pub fn run(&self, folder: &Path, args: &[&str]) -> String {
        self.try_run(folder, args).unwrap_or_else(|| panic!("git {args:?} failed"))
    }

    /// Runs git and returns what it prints; `None` when it fails.
    pub fn try_run(&self, folder: &Path, args: &[&str]) -> Option<String> {
        let mut command = Command::new(program());
        command.args(args);
        self.output(command, folder)
    }

    /// Runs a script and returns what it prints; fails the test when it fails.
    pub fn shell(&self, folder: &Path, script: &str) -> String {
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
