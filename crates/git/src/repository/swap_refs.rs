//! Showing another state of all references at once.
//!
//! For repositories whose references only this process writes: those of a mirror. One rename leads from the old state
//! to the new one, for every reader and after any crash: that of `packed-refs`. Where this is large and few references
//! move, they move by files of their own (`own_files.rs`). Readers who ask meanwhile are answered from memory with the
//! old state, or wait.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_git_wire::{ContentHash, Head, PeeledObject, RefMove, RefName, RefSnapshot};
use thiserror::Error;

use super::own_files::move_in_own_files;
use crate::disk::{blocking, replace_under_lock};
use crate::process::{Durability, GitError};
use crate::refs::{LARGE_PACKED_BYTES, LookedAt, NotRewritten, look_at_objects, rewrite_packed};
use crate::repository::{Repository, STALE_LOCK_AGE};

/// How long it may take to bring very many references into one file, once.
const PACKING_TIME_LIMIT: Duration = Duration::from_mins(10);

/// With more references than this in files of their own, all are brought into one file: each is read each time.
const MAX_OWN_FILES: usize = 128;

const OPERATION: &str = "show another state of the references";

/// Why the references were not replaced. They are those of before, but for [`SwapRefsError::NotAsPlanned`], and where the
/// disk has failed in the middle.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SwapRefsError {
    /// A reference is not where it was expected to be.
    #[error("{0} is not where it was a moment ago")]
    Stale(String),
    /// A reference would point to an object that is not there.
    #[error("the object that {0} is to point to is not here")]
    MissingObject(String),
    /// The references on disk are not those that were to be shown.
    #[error("the references on disk have the hash {found} instead of {planned}")]
    NotAsPlanned {
        /// The hash of what is there.
        found: ContentHash,
        /// The hash of what was to be there.
        planned: ContentHash,
    },
    /// Reading or writing failed.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Repository {
    /// Shows `after` instead of `before`, and lets `HEAD` name this branch. Everything that `after` leads to is here.
    /// Returns what is on disk then.
    pub fn swap_refs<'a>(
        &'a self,
        before: &'a RefSnapshot,
        after: &'a RefSnapshot,
        head: &'a RefName,
    ) -> BoxFuture<'a, Result<RefSnapshot, SwapRefsError>> {
        // Behind a pointer it is compiled here, and as a future where it is waited for: in each crate above.
        self.show_instead(before, after, head).boxed()
    }

    async fn show_instead(
        &self,
        before: &RefSnapshot,
        after: &RefSnapshot,
        head: &RefName,
    ) -> Result<RefSnapshot, SwapRefsError> {
        let moves = RefSnapshot::moves(before, after);
        let head_was = before.head().and_then(Head::target);
        let has_head = head_was.as_ref() == Some(head);
        if moves.is_empty() && has_head {
            return Ok(before.clone());
        }
        // Neither packed by others meanwhile, nor locked by them.
        let lock = self.refs_lock();
        let _lock = lock.lock().await;
        let place = self.place_for(&moves, has_head).await?;
        let objects = self.objects_of(&moves).await?;
        // First, so that no reader who has just seen it asks in vain when this process ends in the middle.
        let left = moves.iter().filter_map(|moved| Some((moved.step.from.clone()?, moved.name.clone())));
        self.left_tips().note(left.collect()).await;
        self.make_objects_durable().await?;
        let head = Some(head.clone()).filter(|_| !has_head);
        let head_first = head.as_ref().is_some_and(|head| before.get(head.as_str()).is_some());
        let durability = self.git().durability();
        let plan = Arc::new(Plan { moves, place, objects, head, head_first, durability });
        match self.write_swapped(&plan).await {
            // Its owner may have been killed, in which case nothing else removes the lock.
            Err(SwapRefsError::Git(GitError::Locked { .. }))
                if self.clear_stale_locks(STALE_LOCK_AGE).await.is_ok_and(|locks| locks.removed > 0) =>
            {
                self.write_swapped(&plan).await?;
            }
            written => written?,
        }
        let shown = self.refs_as(after, &plan.objects).await?;
        if !shown.has_refs_of(after) {
            let (found, planned) = (shown.content_hash().clone(), after.content_hash().clone());
            return Err(SwapRefsError::NotAsPlanned { found, planned });
        }
        Ok(shown)
    }

    /// Where the moves are to be written. What lies in a file of its own hides what the one for all says: if it moves
    /// otherwise than by its own file, it is brought there before.
    async fn place_for(&self, moves: &[RefMove], has_head: bool) -> Result<Place, GitError> {
        let own_files = self.own_files().await.map_err(io_error)?;
        let packed = tokio::fs::metadata(self.path().join("packed-refs")).await;
        let is_large = packed.is_ok_and(|file| file.len() >= LARGE_PACKED_BYTES);
        if is_large && own_files.len() < MAX_OWN_FILES {
            if has_head
                && own_files.len() + moves.len() <= MAX_OWN_FILES
                && self.can_move_in_own_files(moves, &own_files).await
            {
                return Ok(Place::OwnFiles);
            }
            if !moves.iter().any(|moved| own_files.contains(&moved.name)) {
                return Ok(Place::Packed);
            }
        }
        if !own_files.is_empty() {
            self.pack_loose_refs().await?;
        }
        Ok(Place::Packed)
    }

    /// Brings references that lie in files of their own into the one that is replaced.
    async fn pack_loose_refs(&self) -> Result<(), GitError> {
        self.pack_refs(PACKING_TIME_LIMIT).await?;
        if !self.own_files().await.map_err(io_error)?.is_empty() {
            let detail = "it has references that cannot be packed".to_owned();
            return Err(GitError::Corrupt { operation: OPERATION, path: self.path().to_owned(), detail });
        }
        Ok(())
    }

    /// What the new targets are of references that are no branches: those may be annotated tags.
    async fn objects_of(&self, moves: &[RefMove]) -> Result<LookedAt, SwapRefsError> {
        let others = || moves.iter().filter(|moved| !moved.name.starts_with(b"refs/heads/"));
        let targets = others().filter_map(|moved| moved.step.to.as_ref());
        let objects = look_at_objects(self.git(), self.path(), targets, &[]).await?;
        let is_missing = |moved: &&RefMove| {
            let target = moved.step.to.as_ref().and_then(|object| objects.get(object));
            target == Some(&PeeledObject::Missing)
        };
        match others().find(is_missing) {
            Some(moved) => {
                Err(SwapRefsError::MissingObject(String::from_utf8_lossy(&moved.name).into_owned()))
            }
            None => Ok(objects),
        }
    }

    async fn write_swapped(&self, plan: &Arc<Plan>) -> Result<(), SwapRefsError> {
        let (path, plan) = (self.path().to_owned(), Arc::clone(plan));
        let alone = self.swaps().write_owned().await;
        let change = self.change_under_way();
        let written = blocking(move || {
            // Held to the end, also when no caller waits for it any more.
            let (_alone, _change) = (alone, change);
            Ok(plan.write(&path))
        });
        written.await.map_err(io_error)?.map_err(|error| error.at(self.path()))
    }
}

/// Where a change is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Into the file that holds all references.
    Packed,
    /// Into the files of the few references that move.
    OwnFiles,
}

/// What is to be written.
struct Plan {
    moves: Vec<RefMove>,
    place: Place,
    objects: LookedAt,
    /// What `HEAD` is to name, if that changes.
    head: Option<RefName>,
    /// Whether `HEAD` leads somewhere also before the other references have changed.
    head_first: bool,
    durability: Durability,
}

pub(super) enum NotSwapped {
    Content(NotRewritten),
    Io(io::Error),
}

impl From<io::Error> for NotSwapped {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl NotSwapped {
    /// The same, of the repository in this folder.
    pub(super) fn at(self, repository: &Path) -> SwapRefsError {
        let (operation, path) = (OPERATION, repository.to_owned());
        match self {
            Self::Content(NotRewritten::Stale(name)) => SwapRefsError::Stale(name),
            Self::Content(NotRewritten::NotUnderstood(what)) => {
                GitError::Corrupt { operation, path, detail: what.to_owned() }.into()
            }
            Self::Io(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                GitError::Locked { operation, path, detail: error.to_string() }.into()
            }
            Self::Io(error) => io_error(error).into(),
        }
    }
}

/// Writes moves, which are in the order of their names, into the file for all references. `objects` tells of the targets of
/// those that are no branches what they are. Blocks.
pub(super) fn write_packed(
    repository: &Path,
    moves: &[RefMove],
    objects: &LookedAt,
    durability: Durability,
) -> Result<(), NotSwapped> {
    let place = repository.join("packed-refs");
    replace_under_lock(&place, is_synced(&place, durability), |lock| {
        let content = match fs::read(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            content => content?,
        };
        let rewritten = rewrite_packed(&content, moves, objects);
        lock.write_all(&rewritten.map_err(NotSwapped::Content)?)?;
        Ok(())
    })
}

/// A file that takes the place of another one is written before it does, as file systems order it; a first one may
/// not be.
pub(super) fn is_synced(place: &Path, durability: Durability) -> bool {
    durability == Durability::Strict || !place.exists()
}

impl Plan {
    fn write(&self, repository: &Path) -> Result<(), NotSwapped> {
        if self.head_first {
            self.write_head(repository)?;
        }
        match self.place {
            Place::Packed if self.moves.is_empty() => {}
            Place::Packed => write_packed(repository, &self.moves, &self.objects, self.durability)?,
            Place::OwnFiles => move_in_own_files(repository, &self.moves, self.durability)?,
        }
        if !self.head_first {
            self.write_head(repository)?;
        }
        Ok(())
    }

    fn write_head(&self, repository: &Path) -> Result<(), NotSwapped> {
        let Some(target) = &self.head else { return Ok(()) };
        let content = format!("ref: {target}\n");
        let place = repository.join("HEAD");
        let is_synced = is_synced(&place, self.durability);
        replace_under_lock(&place, is_synced, |lock| Ok(lock.write_all(content.as_bytes())?))
    }
}

fn io_error(error: io::Error) -> GitError {
    GitError::Io { operation: OPERATION, error }
}

#[cfg(test)]
#[path = "swap_refs_tests.rs"]
mod tests;
