//! The `git` executable: found once, checked once, and bounded in how often it runs at once.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::Semaphore;

use crate::process::{Durability, GitCommand, GitVersion, MINIMUM_GIT_VERSION, Readers};

/// Default bound on processes that serve clients at the same time; more requests wait.
pub const MAX_GIT_PROCESSES: usize = 64;

/// Bound on processes that run for ourselves: reading references, fetching, checking. Separate from the bound on
/// serving, because clients that read slowly must not keep a mirror from following its upstream.
pub const MAX_OWN_GIT_PROCESSES: usize = 32;

/// A `git` executable that is new enough. Cloning is cheap and shares the process bounds.
#[derive(Debug, Clone)]
pub struct Git(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    program: PathBuf,
    version: GitVersion,
    durability: Durability,
    /// What follows from it.
    sync_settings: Vec<(String, String)>,
    serving: Arc<Semaphore>,
    own: Arc<Semaphore>,
    readers: Readers,
}

/// Why there is no usable `git`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GitUnavailable {
    /// It cannot be started.
    #[error("cannot run {program:?}")]
    CannotRun {
        /// What was tried.
        program: PathBuf,
        /// Why it failed.
        #[source]
        error: io::Error,
    },
    /// It runs but is not `git`.
    #[error("{program:?} does not say which version of git it is: {output:?}")]
    Unrecognised {
        /// What was run.
        program: PathBuf,
        /// What it printed.
        output: String,
    },
    /// It is too old.
    #[error("{program:?} is git {found}, but git {minimum} or newer is needed")]
    TooOld {
        /// What was run.
        program: PathBuf,
        /// Its version.
        found: GitVersion,
        /// The oldest version that would do.
        minimum: GitVersion,
    },
}

/// Which bound a process counts against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lane {
    /// It answers a client and lasts as long as the client likes.
    Serving,
    /// It runs for ourselves.
    Own,
}

impl Git {
    /// Runs `program` (a name on the search path, or a path) to see that it is a `git` we can work with.
    pub async fn discover(program: &Path) -> Result<Self, GitUnavailable> {
        Self::discover_with_limit(program, MAX_GIT_PROCESSES).await
    }

    /// Like [`Git::discover`], with another bound than [`MAX_GIT_PROCESSES`] on serving processes (at least 1).
    pub async fn discover_with_limit(program: &Path, max_processes: usize) -> Result<Self, GitUnavailable> {
        let candidate = Self(Arc::new(Inner {
            program: program.to_owned(),
            version: MINIMUM_GIT_VERSION,
            durability: Durability::default(),
            sync_settings: Vec::new(),
            serving: Arc::new(Semaphore::new(max_processes.clamp(1, Semaphore::MAX_PERMITS))),
            own: Arc::new(Semaphore::new(MAX_OWN_GIT_PROCESSES)),
            readers: Readers::default(),
        }));
        let cannot_run = |error| GitUnavailable::CannotRun { program: program.to_owned(), error };
        let finished = candidate.command("read its version").arg("version").run().await;
        let finished = finished.map_err(|error| cannot_run(io::Error::other(error)))?;
        let output = String::from_utf8_lossy(&finished.stdout).into_owned();
        let version = GitVersion::parse(&output)
            .ok_or_else(|| GitUnavailable::Unrecognised { program: program.to_owned(), output })?;
        if version < MINIMUM_GIT_VERSION {
            let (program, minimum) = (program.to_owned(), MINIMUM_GIT_VERSION);
            return Err(GitUnavailable::TooOld { program, found: version, minimum });
        }
        Ok(Self(Arc::new(Inner { version, ..Inner::clone(&candidate.0) })))
    }

    /// The same, for repositories below `folder` from which a power failure may take this and no more.
    #[must_use]
    pub fn with_durability(self, durability: Durability, folder: &Path) -> Self {
        let sync_settings = durability.settings(folder);
        Self(Arc::new(Inner { durability, sync_settings, ..Inner::clone(&self.0) }))
    }

    /// What a power failure may take.
    pub fn durability(&self) -> Durability {
        self.0.durability
    }

    /// The settings by which what it writes is as durable as it is to be.
    pub(crate) fn sync_settings(&self) -> &[(String, String)] {
        &self.0.sync_settings
    }

    /// The version that was found.
    pub fn version(&self) -> GitVersion {
        self.0.version
    }

    /// What is run: a name on the search path, or a path.
    pub fn program(&self) -> &Path {
        &self.0.program
    }

    /// The git directory of the repository that `path` is: bare, a work tree, or the `.git` folder of one.
    pub async fn git_dir_of(&self, path: &Path) -> Option<PathBuf> {
        for place in [path.join(".git"), path.to_owned()] {
            let command = self.command("look for a repository").repository(&place);
            if command.args(["rev-parse", "--git-dir"]).run().await.is_ok() {
                return Some(place);
            }
        }
        None
    }

    /// A `git` invocation; `operation` says in errors what could not be done.
    pub(crate) fn command(&self, operation: &'static str) -> GitCommand {
        GitCommand::new(self.clone(), operation)
    }

    /// Who reads which repository.
    pub fn readers(&self) -> &Readers {
        &self.0.readers
    }

    pub(crate) fn lane(&self, lane: Lane) -> Arc<Semaphore> {
        Arc::clone(match lane {
            Lane::Serving => &self.0.serving,
            Lane::Own => &self.0.own,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, Workshop};

    #[tokio::test]
    async fn is_found_and_new_enough() {
        let git = fixture::git().await;
        assert!(git.version() >= MINIMUM_GIT_VERSION);
    }

    #[tokio::test]
    async fn says_what_is_wrong_with_other_programs() {
        let missing = Git::discover(Path::new("/nonexistent/git")).await;
        assert!(matches!(missing, Err(GitUnavailable::CannotRun { .. })), "{missing:?}");
        let other = Git::discover(Path::new("echo")).await;
        assert!(matches!(other, Err(GitUnavailable::Unrecognised { .. })), "{other:?}");
    }

    #[tokio::test]
    async fn recognises_repositories_but_not_folders_inside_them() {
        let workshop = Workshop::new().await;
        let work_tree = workshop.work_tree("project");
        let inside = work_tree.join("folder");
        std::fs::create_dir(&inside).expect("folder");
        let git_dir = Some(work_tree.join(".git"));
        assert_eq!(workshop.git.git_dir_of(&work_tree).await, git_dir);
        assert_eq!(workshop.git.git_dir_of(&work_tree.join(".git")).await, git_dir);
        assert_eq!(workshop.git.git_dir_of(&inside).await, None);
        assert_eq!(workshop.git.git_dir_of(Path::new("/nonexistent")).await, None);
    }
}
