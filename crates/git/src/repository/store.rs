//! All repositories of a role on disk: where they lie, how they appear and how they go.
//!
//! ```text
//! <root>/2a/42.git        repository 42, in the folder named by 42 % 256 in hex
//! <root>/incoming/42-…    being created; renamed into place when whole
//! <root>/trash/42-…       no longer wanted; see `trash.rs`, which also says when it is deleted
//! ```
//!
//! A repository is in its place either whole or not at all, also after a crash, because it enters and leaves by a
//! rename. What a crash leaves of drafts is deleted by [`RepositoryStore::recover`]; a repository never is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use heliostat_git_wire::{ObjectFormat, RefName};
use thiserror::Error;

use crate::disk::{blocking, make_folder_durably, sync_folder, sync_tree};
use crate::process::{Durability, Fault, Git};
use crate::refs::{DEFAULT_REF_MEMORY_BYTES, RefListener};
use crate::repository::init_bare::init_bare;
use crate::repository::look::{Found, look_at};
use crate::repository::{Repository, RepositoryDraft, Shared, write_identity};

/// Repositories lie in this many folders, so that none grows too large to list.
pub(super) const FOLDERS: u64 = 256;

/// The repositories of one role. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct RepositoryStore {
    git: Git,
    root: PathBuf,
    shared: Arc<Shared>,
}

/// Why a repository was not created.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// There is one with this number.
    #[error("repository {0} exists already")]
    Exists(u64),
    /// The default branch is not below `refs/heads/`.
    #[error("{0} is not a branch")]
    NotABranch(RefName),
    /// The file system failed.
    #[error("cannot create repository {id} in {path:?}")]
    Io {
        /// Which repository.
        id: u64,
        /// Where.
        path: PathBuf,
        /// Why it failed.
        #[source]
        error: io::Error,
    },
}

/// Why a repository was not opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is none with this number.
    #[error("there is no repository {0}")]
    Missing(u64),
    /// There is something, but not a whole repository.
    #[error("repository {id} is broken: {reason}")]
    Broken {
        /// Which repository.
        id: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// It may well be whole, but the system does not let us look at it now.
    #[error("repository {id} cannot be read at the moment: {reason}")]
    CannotReadNow {
        /// Which repository.
        id: u64,
        /// What the system said.
        reason: String,
    },
    /// The first look at it since the start takes long, and goes on.
    #[error("repository {0} is still being looked at for the first time since the start")]
    BeingLookedAt(u64),
}

impl OpenError {
    /// What this says about the repository; `None` when there is none.
    pub fn fault(&self) -> Option<Fault> {
        match self {
            Self::Missing(_) => None,
            Self::Broken { reason, .. } => Some(Fault::Damaged(reason.clone())),
            Self::CannotReadNow { reason, .. } => Some(Fault::CannotReadNow(reason.clone())),
            Self::BeingLookedAt(_) => Some(Fault::CannotReadNow(self.to_string())),
        }
    }
}

impl RepositoryStore {
    /// The store in `root`, which is created when it is not there. References of its repositories take at most so much
    /// memory, together with the lists made of them.
    pub fn new(git: Git, root: PathBuf, ref_memory_bytes: u64) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(ref_memory_bytes));
        let store = Self { root: std::path::absolute(root)?, git, shared };
        make_folder_durably(&store.incoming())?;
        make_folder_durably(&store.trash_folder())?;
        make_folder_durably(&store.discarded_folder())?;
        Ok(store)
    }

    /// The executable that works on these repositories.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// Tells this listener of changes of references, as long as it lives.
    pub fn subscribe(&self, listener: Weak<dyn RefListener>) {
        self.shared.refs.changes.subscribe(listener);
    }

    /// The repository with this number. Does not look whether there is one.
    pub fn repository(&self, id: u64) -> Repository {
        self.repository_at(id, self.place_of(id))
    }

    /// The folder that holds everything.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Creates an empty repository whose `HEAD` names `default_branch`.
    pub async fn create(&self, id: u64, default_branch: &RefName) -> Result<Repository, CreateError> {
        self.create_with_format(id, default_branch, ObjectFormat::Sha1).await
    }

    /// Creates an empty repository that says whose it is: see [`crate::RepositoryNotes::identity`].
    pub async fn create_with_identity(
        &self,
        id: u64,
        default_branch: &RefName,
        format: ObjectFormat,
        identity: &str,
    ) -> Result<Repository, CreateError> {
        self.make(id, default_branch, format, Some(identity)).await
    }

    /// Creates an empty repository whose objects are named by this hash.
    pub async fn create_with_format(
        &self,
        id: u64,
        default_branch: &RefName,
        format: ObjectFormat,
    ) -> Result<Repository, CreateError> {
        self.make(id, default_branch, format, None).await
    }

    async fn make(
        &self,
        id: u64,
        default_branch: &RefName,
        format: ObjectFormat,
        identity: Option<&str>,
    ) -> Result<Repository, CreateError> {
        let place = self.place_of(id);
        if is_there(&place).await {
            return Err(CreateError::Exists(id));
        }
        let draft = self.draft(id, default_branch, format).await?;
        let (made, destination) = (draft.repository().path().to_owned(), place.clone());
        let (durability, identity) = (self.git.durability(), identity.map(str::to_owned));
        let finish = move || {
            if let Some(identity) = identity {
                write_identity(&made, &identity)?;
            }
            if durability == Durability::Strict {
                // Git leaves HEAD and the configuration to the system.
                sync_tree(&made)?;
            }
            move_into_place(&made, &destination)
        };
        match blocking(finish).await {
            Ok(()) => {
                self.shared.first_looks.note(id);
                Ok(self.repository_at(id, place))
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
                ) =>
            {
                Err(CreateError::Exists(id))
            }
            Err(error) => Err(CreateError::Io { id, path: place, error }),
        }
    }

    /// Makes an empty repository that is not in its place yet, whatever is there.
    pub async fn draft(
        &self,
        id: u64,
        default_branch: &RefName,
        format: ObjectFormat,
    ) -> Result<RepositoryDraft, CreateError> {
        if !default_branch.is_branch() {
            return Err(CreateError::NotABranch(default_branch.clone()));
        }
        let io_error = |error| CreateError::Io { id, path: self.incoming(), error };
        let prefix = format!("{id}-");
        let folder =
            tempfile::Builder::new().prefix(&prefix).tempdir_in(self.incoming()).map_err(io_error)?;
        let path = folder.path().join("repository.git");
        let (place, head) = (path.clone(), default_branch.clone());
        blocking(move || init_bare(&place, &head, format)).await.map_err(io_error)?;
        // What is known of the references of the one in place is not known of this one.
        let shared = Arc::new(Shared::new(DEFAULT_REF_MEMORY_BYTES));
        let repository = Repository::of_store(self.git.clone(), path, id, shared);
        Ok(RepositoryDraft::new(folder, repository, self.clone()))
    }

    /// Finds a repository. Only looks whether its parts are there; [`Repository::verify`] looks into them.
    pub async fn open(&self, id: u64) -> Result<Repository, OpenError> {
        let path = self.place_of(id);
        let place = path.clone();
        let found = blocking(move || Ok(look_at(&place))).await;
        let found = found.unwrap_or_else(|error| Found::Faulty(Fault::CannotReadNow(error.to_string())));
        if matches!(found, Found::Nothing | Found::Faulty(Fault::Damaged(_))) {
            self.forget(id);
        }
        if let Found::Faulty(fault) = &found
            && fault.is_damage()
        {
            self.shared.refs.changes.suspected(id, fault);
        }
        match found {
            Found::Repository => Ok(self.repository_at(id, path)),
            Found::Nothing => Err(OpenError::Missing(id)),
            Found::Faulty(Fault::Damaged(reason)) => Err(OpenError::Broken { id, reason }),
            Found::Faulty(Fault::CannotReadNow(reason)) => Err(OpenError::CannotReadNow { id, reason }),
        }
    }

    /// Forgets all that is known of a repository, and of what was made from it: it is gone, or not whole.
    pub fn forget(&self, id: u64) {
        self.shared.forget(id);
    }

    /// Finds a repository for a client that reads: one whose references are in memory is not looked for on disk. The first
    /// client after the start waits until it was looked at.
    pub async fn open_for_serving(&self, id: u64) -> Result<Repository, OpenError> {
        self.until_looked_at(id).await?;
        if self.shared.refs.cache.get(id).is_some() {
            return Ok(self.repository(id));
        }
        self.open(id).await
    }

    /// Whether there is anything in the place of the repository with this number, whole or broken.
    pub async fn is_taken(&self, id: u64) -> bool {
        is_there(&self.place_of(id)).await
    }

    /// The numbers of all repositories in ascending order, whole or broken.
    pub async fn list(&self) -> io::Result<Vec<u64>> {
        let (root, shared) = (self.root.clone(), self.shared());
        blocking(move || shared.listing.read(&root)).await
    }

    fn repository_at(&self, id: u64, place: PathBuf) -> Repository {
        Repository::of_store(self.git.clone(), place, id, Arc::clone(&self.shared))
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    pub(super) fn place_of(&self, id: u64) -> PathBuf {
        self.root.join(folder_name(id % FOLDERS)).join(format!("{id}.git"))
    }

    /// Where things lie that are not for long: what a crash leaves of them is deleted at the next start.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }
}

pub(super) fn folder_name(number: u64) -> String {
    format!("{number:02x}")
}

pub(super) fn move_into_place(draft: &Path, place: &Path) -> io::Result<()> {
    let parent = place.parent().expect("a place lies in a folder of the root");
    std::fs::create_dir_all(parent)?;
    std::fs::rename(draft, place)?;
    sync_parent_of(place)?;
    sync_parent_of(parent)
}

/// Makes a rename survive a power failure.
pub(super) fn sync_parent_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_folder)
}

async fn is_there(path: &Path) -> bool {
    tokio::fs::try_exists(path).await.unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;
    use crate::repository::{Origin, TrashReason};

    fn main() -> RefName {
        RefName::branch("main").expect("valid")
    }

    #[tokio::test]
    async fn a_created_repository_is_empty_and_in_its_folder() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        let repository =
            store.create(298, &RefName::branch("trunk/x").expect("valid")).await.expect("created");
        assert_eq!(repository.path(), store.root().join("2a/298.git"));
        assert_eq!(
            repository.head().await.expect("readable").expect("attached").as_str(),
            "refs/heads/trunk/x"
        );
        assert!(repository.refs().await.expect("readable").is_empty());
        assert!(matches!(store.create(298, &main()).await, Err(CreateError::Exists(298))));
        let tag = RefName::parse("refs/tags/x").expect("valid");
        assert!(matches!(store.create(1, &tag).await, Err(CreateError::NotABranch(_))));
        assert!(
            [store.incoming(), store.trash_folder()].iter().all(|folder| folder
                .read_dir()
                .expect("listable")
                .next()
                .is_none())
        );
    }

    #[tokio::test]
    async fn of_two_who_create_the_same_one_wins() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        let branch = main();
        let (one, two) = tokio::join!(store.create(7, &branch), store.create(7, &branch));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        assert!(store.open(7).await.is_ok());
    }

    #[tokio::test]
    async fn opening_tells_missing_from_broken() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        assert!(matches!(store.open(5).await, Err(OpenError::Missing(5))));
        let path = store.create(5, &main()).await.expect("created").path().to_owned();
        assert!(store.open(5).await.is_ok());
        std::fs::write(path.join("HEAD"), "").expect("written");
        assert!(matches!(store.open(5).await, Err(OpenError::Broken { id: 5, .. })));
        std::fs::remove_dir_all(path.join("objects")).expect("removed");
        let error = store.open(5).await.expect_err("broken");
        assert_eq!(error.to_string(), "repository 5 is broken: it has no folder objects");
    }

    #[tokio::test]
    async fn what_cannot_be_read_now_is_not_broken() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        let repository = store.create(5, &main()).await.expect("created");
        let (head, aside) = (repository.path().join("HEAD"), repository.path().join("HEAD.aside"));
        std::fs::rename(&head, &aside).expect("renamed");
        // Reading it fails for a reason that says nothing about what is in it, also for root.
        std::os::unix::fs::symlink("HEAD", &head).expect("linked");
        let error = store.open(5).await.expect_err("unreadable");
        assert!(matches!(error.fault(), Some(Fault::CannotReadNow(_))), "{error}");
        let error = repository.refs().await.expect_err("unreadable");
        assert!(matches!(error.fault(), Some(Fault::CannotReadNow(_))), "{error}");
        std::fs::rename(&aside, &head).expect("renamed");
        store.open(5).await.expect("as before");
        repository.refs().await.expect("as before");
    }

    #[tokio::test]
    async fn a_number_is_free_again_when_its_repository_is_in_the_trash() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        for id in [3, 258, 2] {
            store.create(id, &main()).await.expect("created");
        }
        std::fs::write(store.root().join("02/note.txt"), "").expect("written");
        assert_eq!(store.list().await.expect("listable"), [2, 3, 258]);
        store.trash(258, TrashReason::Deleted, Origin::default()).await.expect("removed");
        assert_eq!(store.list().await.expect("listable"), [2, 3]);
        assert!(matches!(store.open(258).await, Err(OpenError::Missing(258))));
        assert!(store.create(258, &main()).await.is_ok());
    }
}
