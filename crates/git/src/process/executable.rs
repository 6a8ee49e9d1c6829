//! The `git` executable: found once, checked once, and bounded in how often it runs at once.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use thiserror::Error;

use crate::process::{
    ClientKey, Durability, FairQueue, Fsck, GitCommand, GitVersion, MINIMUM_GIT_VERSION, MemoryLimit,
    MemoryLimits, MemoryUse, Permit, Readers, Shares,
};

/// Bound on processes that answer clients which read; more requests wait. [`Shares::of_processes`] says how many of them
/// one client may have.
pub const MAX_FETCH_PROCESSES: usize = 64;

/// Bound on processes that take pushes, apart from the others: clients that read slowly must not keep anyone from
/// pushing.
pub const MAX_PUSH_PROCESSES: usize = 32;

/// Bound on processes that run for ourselves: reading references, fetching, checking. Separate from the bounds on
/// serving, because no client must keep a mirror from following its upstream.
pub const MAX_OWN_GIT_PROCESSES: usize = 32;

/// A `git` executable that is new enough. Cloning is cheap and shares the process bounds.
#[derive(Debug, Clone)]
pub struct Git {
    inner: Arc<Inner>,
    asked: Option<Asked>,
}

/// For whom processes are started, if not for ourselves.
#[derive(Debug, Clone)]
struct Asked {
    repository: u64,
    client: ClientKey,
    place: AskedPlace,
}

/// Where they count.
#[derive(Debug, Clone)]
enum AskedPlace {
    /// Short ones count as the client's, too.
    EachOfTheClient,
    /// A place was taken in advance for the one that answers; short ones prepare it.
    Taken(Arc<Mutex<Option<Permit>>>),
}

#[derive(Debug, Clone)]
struct Inner {
    program: PathBuf,
    version: GitVersion,
    durability: Durability,
    /// What follows from it.
    sync_settings: Vec<(String, String)>,
    memory_limits: MemoryLimits,
    fsck: Fsck,
    fetches: FairQueue,
    pushes: FairQueue,
    own: FairQueue,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// It answers a client that reads and lasts as long as the client likes.
    Fetch,
    /// It takes a push.
    Push,
    /// It is short, or runs for ourselves.
    Own,
}

impl Git {
    /// Runs `program` (a name on the search path, or a path) to see that it is a `git` we can work with.
    pub async fn discover(program: &Path) -> Result<Self, GitUnavailable> {
        Self::discover_with_limit(program, MAX_FETCH_PROCESSES).await
    }

    /// Like [`Git::discover`], with another bound than [`MAX_FETCH_PROCESSES`] (at least 1).
    pub async fn discover_with_limit(program: &Path, max_fetches: usize) -> Result<Self, GitUnavailable> {
        let candidate = Self::of(Inner {
            program: found_on_search_path(program),
            version: MINIMUM_GIT_VERSION,
            durability: Durability::default(),
            sync_settings: Vec::new(),
            memory_limits: MemoryLimits::default(),
            fsck: Fsck::default(),
            fetches: FairQueue::new(Shares::of_processes(max_fetches)),
            pushes: FairQueue::new(Shares::of_processes(MAX_PUSH_PROCESSES)),
            own: FairQueue::new(Shares::unlimited(MAX_OWN_GIT_PROCESSES)),
            readers: Readers::default(),
        });
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
        Ok(Self::of(Inner { version, ..Inner::clone(&candidate.inner) }))
    }

    fn of(inner: Inner) -> Self {
        Self { inner: Arc::new(inner), asked: None }
    }

    /// The same, for repositories below `folder` from which a power failure may take this and no more.
    #[must_use]
    pub fn with_durability(self, durability: Durability, folder: &Path) -> Self {
        let sync_settings = durability.settings(folder);
        Self::of(Inner { durability, sync_settings, ..Inner::clone(&self.inner) })
    }

    /// The same, whose processes count as those of a client that asks for this repository.
    pub(crate) fn asked_by(&self, client: ClientKey, repository: u64) -> Self {
        let asked = Asked { repository, client, place: AskedPlace::EachOfTheClient };
        Self { inner: Arc::clone(&self.inner), asked: Some(asked) }
    }

    /// The same, with a place for the process that answers this client.
    pub(crate) fn at_place(&self, place: Permit, client: ClientKey, repository: u64) -> Self {
        let place = AskedPlace::Taken(Arc::new(Mutex::new(Some(place))));
        Self { inner: Arc::clone(&self.inner), asked: Some(Asked { repository, client, place }) }
    }

    /// Waits until a client may have one more process for fetches.
    pub(crate) async fn place_for_fetch(&self, client: ClientKey, repository: u64) -> Permit {
        self.queue(Lane::Fetch).permit(repository, client).await
    }

    /// Waits until a process may make an answer that no client waits for.
    pub async fn place_in_background(&self) -> Permit {
        self.queue(Lane::Fetch).background_permit().await
    }

    /// Waits until a process may start.
    pub(crate) async fn place_to_start(&self, lane: Lane) -> Permit {
        let Some(Asked { repository, client, place }) = &self.asked else {
            return self.queue(lane).permit(0, ClientKey::server()).await;
        };
        let lane = match (lane, place) {
            (Lane::Own, AskedPlace::EachOfTheClient) => Lane::Fetch,
            (lane, _) => lane,
        };
        let taken = match place {
            AskedPlace::Taken(place) if lane != Lane::Own => place.lock().take(),
            _ => None,
        };
        match taken {
            Some(place) => place,
            None => self.queue(lane).permit(*repository, *client).await,
        }
    }

    fn queue(&self, lane: Lane) -> &FairQueue {
        match lane {
            Lane::Fetch => &self.inner.fetches,
            Lane::Push => &self.inner.pushes,
            Lane::Own => &self.inner.own,
        }
    }

    /// What a power failure may take.
    pub fn durability(&self) -> Durability {
        self.inner.durability
    }

    /// The same, each process with so much memory.
    #[must_use]
    pub fn with_memory_limits(self, memory_limits: MemoryLimits) -> Self {
        Self::of(Inner { memory_limits, ..Inner::clone(&self.inner) })
    }

    /// The same, with pushes checked so strictly.
    #[must_use]
    pub fn with_fsck(self, fsck: Fsck) -> Self {
        Self::of(Inner { fsck, ..Inner::clone(&self.inner) })
    }

    /// How strictly pushes are checked.
    pub(crate) fn fsck(&self) -> Fsck {
        self.inner.fsck
    }

    /// How much memory a process may take.
    pub(crate) fn memory_limit(&self, purpose: MemoryUse) -> MemoryLimit {
        self.inner.memory_limits.of(purpose)
    }

    /// The settings by which what it writes is as durable as it is to be.
    pub(crate) fn sync_settings(&self) -> &[(String, String)] {
        &self.inner.sync_settings
    }

    /// The version that was found.
    pub fn version(&self) -> GitVersion {
        self.inner.version
    }

    /// What is run: the path of the program, or its name if it was not found by that.
    pub fn program(&self) -> &Path {
        &self.inner.program
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

    /// An invocation of another program, which is found on the search path.
    pub(crate) fn command_of(&self, program: &str, operation: &'static str) -> GitCommand {
        self.command(operation).program(found_on_search_path(Path::new(program)))
    }

    /// Who reads which repository.
    pub fn readers(&self) -> &Readers {
        &self.inner.readers
    }
}

/// Where a name on the search path leads. By its path a process is started without a copy of this one, which takes the
/// longer the more memory this one has.
fn found_on_search_path(program: &Path) -> PathBuf {
    if program.components().count() != 1 || program.is_absolute() {
        return program.to_owned();
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&folders).map(|folder| folder.join(program));
    let is_program = |place: &PathBuf| {
        let metadata = std::fs::metadata(place);
        place.is_absolute()
            && metadata.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    places.find(is_program).unwrap_or_else(|| program.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, Workshop};

    #[tokio::test]
    async fn is_found_and_new_enough() {
        let git = fixture::git().await;
        assert!(git.version() >= MINIMUM_GIT_VERSION);
        assert!(git.program().is_absolute(), "{:?}", git.program());
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
