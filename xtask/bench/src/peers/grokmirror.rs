//! grokmirror from PyPI: the replicator that follows a manifest of fingerprints.
//!
//! It gets what suits it best: both folders on this machine, the manifest updated as soon as a push has ended, and a
//! pull at once instead of at the next poll.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tempfile::TempDir;

use crate::process::{self, TimedOut};
use crate::repositories::generated_repository::namespace;
use crate::repositories::git::{Git, text};
use crate::scratch;
use crate::side_by_side::side_by_side;
use crate::workspace;

/// Name on PyPI, and the version that is compared.
pub const PACKAGE: &str = "grokmirror";
pub const VERSION: &str = "2.0.12";

/// How long grok-pull may take for one push. Its version 2.0.12 has been seen to hang when everything was done.
pub const PULL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take to replicate everything for the first time, and to write a manifest.
const REPLICATION_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// So many repositories are made at once.
const MADE_AT_ONCE: usize = 4;

/// Where it is installed.
pub fn home() -> PathBuf {
    workspace::tools().join(format!("{PACKAGE}-{VERSION}"))
}

/// Whether it is there.
pub fn is_installed() -> bool {
    program("grok-pull").is_file()
}

fn program(name: &str) -> PathBuf {
    home().join("bin").join(name)
}

/// A folder of repositories and its replica.
#[derive(Debug)]
pub struct Grokmirror {
    folder: TempDir,
    git: Git,
}

impl Grokmirror {
    /// Makes bare repositories of so many namespaces of a source, and replicates them.
    pub fn following(source: &Path, count: usize) -> anyhow::Result<Self> {
        let folder = scratch::folder("grokmirror")?;
        let mirror = Grokmirror { folder, git: Git::without_credentials() };
        for folder in [mirror.path("origin"), mirror.path("replica")] {
            fs::create_dir(folder)?;
        }
        side_by_side(MADE_AT_ONCE, count, |number| {
            let path = mirror.origin(number);
            let refs = format!("{}/heads/*:refs/heads/*", namespace(number));
            mirror.git.run(Path::new("/"), &["init", "--quiet", "--bare", text(&path)?])?;
            mirror.git.run(&path, &["fetch", "--quiet", text(source)?, &refs])
        })?;
        let origin = mirror.path("origin");
        let configuration = format!(
            "[core]\ntoplevel = {0}\nmanifest = {0}/manifest.js.gz\nlog = {1}\n\
             [remote]\nsite = file://{2}\nmanifest = file://{2}/manifest.js.gz\n[pull]\npull_threads = 2\n",
            mirror.path("replica").display(),
            mirror.path("log").display(),
            origin.display(),
        );
        fs::write(mirror.path("grokmirror.conf"), configuration)?;
        mirror.write_manifest(None)?;
        mirror.pull(REPLICATION_TIMEOUT)?;
        Ok(mirror)
    }

    /// Pushes a commit to a repository; how long it takes from then until the replica has it, or nothing if
    /// grok-pull had to be ended.
    pub fn follow(&self, source: &Path, number: usize, commit: &str) -> anyhow::Result<Option<Duration>> {
        let origin = self.origin(number);
        self.git.run(source, &["push", "--quiet", text(&origin)?, &format!("{commit}:refs/heads/main")])?;
        let begun = Instant::now();
        self.write_manifest(Some(&origin))?;
        match self.pull(PULL_TIMEOUT) {
            Err(error) if error.is::<TimedOut>() => return Ok(None),
            ended => ended?,
        }
        let taken = begun.elapsed();
        let replica = self.path("replica").join(name(number));
        let found = self.git.run(&replica, &["rev-parse", "refs/heads/main"])?;
        ensure!(found == commit, "grokmirror has {found} instead of {commit}");
        Ok(Some(taken))
    }

    /// How long a pull takes when nothing has changed; nothing if grok-pull had to be ended.
    pub fn pull_unchanged(&self) -> anyhow::Result<Option<Duration>> {
        let begun = Instant::now();
        match self.pull(PULL_TIMEOUT) {
            Err(error) if error.is::<TimedOut>() => Ok(None),
            ended => ended.map(|()| Some(begun.elapsed())),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn origin(&self, number: usize) -> PathBuf {
        self.path("origin").join(name(number))
    }

    /// Of all repositories, or of the one that has changed.
    fn write_manifest(&self, changed: Option<&Path>) -> anyhow::Result<()> {
        let origin = self.path("origin");
        let mut command = self.command("grok-manifest");
        command.arg("--manifest").arg(origin.join("manifest.js.gz")).arg("--toplevel").arg(&origin);
        process::succeed(command.args(changed), REPLICATION_TIMEOUT)?;
        Ok(())
    }

    fn pull(&self, timeout: Duration) -> anyhow::Result<()> {
        let mut command = self.command("grok-pull");
        process::succeed(command.arg("--config").arg(self.path("grokmirror.conf")), timeout)?;
        Ok(())
    }

    fn command(&self, name: &str) -> Command {
        let mut command = process::command(program(name));
        command.env("HOME", self.folder.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }
}

fn name(number: usize) -> String {
    format!("small-{number}.git")
}
