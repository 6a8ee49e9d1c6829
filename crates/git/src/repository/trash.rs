//! Where repositories lie for a while that are no longer wanted: nothing that may hold data is deleted at once.
//!
//! ```text
//! <root>/trash/42-1764351000123/repository.git   what was repository 42
//! <root>/trash/42-1764351000123/about.json       when it came here, why, and what it was
//! <root>/discarded/42-1764351000123              its time is over, and it is being deleted
//! ```
//!
//! The trash lies beside the repositories, so that a repository enters and leaves it by a rename and is never in two
//! places or in none. The record is on the disk before the repository comes. What lies here longer than its time is
//! deleted, and the oldest before its time when the disk is nearly full; nothing else deletes a repository.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::store::{RepositoryStore, move_into_place, sync_parent_of};
use crate::disk::{blocking, entries, sync_folder, write_durably};
use crate::repository::Repository;

/// The repository within its place in the trash.
const REPOSITORY: &str = "repository.git";

/// What is known about it.
const RECORD: &str = "about.json";

/// How long a repository lies in the trash, unless set otherwise.
pub const DEFAULT_TRASH_TIME: Duration = Duration::from_hours(7 * 24);

/// Time between two looks at the trash.
const LOOK_INTERVAL: Duration = Duration::from_mins(1);

/// A disk is nearly full when less than this share of it is free ...
const NEARLY_FULL_PERCENT: u64 = 5;

/// ... and less than this.
const NEARLY_FULL_BYTES: u64 = 10 << 30;

/// Why a repository was moved into the trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TrashReason {
    /// It was deleted on request, or its upstream has announced that.
    Deleted,
    /// A comparison found that the upstream no longer lists it.
    NotListed,
    /// It has left the selection of projects.
    NotSelected,
    /// The upstream has removed this mirror.
    LinkEnded,
    /// No record says what it is.
    Unrecorded,
    /// It was damaged and fetched anew.
    Damaged,
    /// Synchronisations failed on it again and again although it was whole, and a fresh copy took its place.
    Refetched,
    /// Another repository has taken its place.
    Replaced,
    /// Its creation was interrupted.
    Unfinished,
    /// It was used longest ago, and others needed its room. Another server has all that was in it.
    MadeRoom,
    /// Nothing says why, or something that this version does not know.
    #[serde(other)]
    Unknown,
}

impl TrashReason {
    /// The reason as people and files name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::NotListed => "not-listed",
            Self::NotSelected => "not-selected",
            Self::LinkEnded => "link-ended",
            Self::Unrecorded => "unrecorded",
            Self::Damaged => "damaged",
            Self::Refetched => "refetched",
            Self::Replaced => "replaced",
            Self::Unfinished => "unfinished",
            Self::MadeRoom => "made-room",
            Self::Unknown => "unknown",
        }
    }
}

/// What a repository was to those who kept it, as far as they knew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Origin {
    /// Project key and slug, as in `PRJ/engine`.
    pub path: Option<String>,
    /// Which upstream it was a replica of.
    pub upstream_id: Option<String>,
    /// Its number there.
    pub external_id: Option<String>,
    /// What stays the same as long as it is the same repository, and is never used again.
    pub identity: Option<String>,
    /// Which generation of its references it has.
    pub generation: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    local_id: u64,
    trashed_at: i64,
    reason: TrashReason,
    #[serde(flatten)]
    origin: Origin,
}

/// A repository in the trash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrashedRepository {
    /// Its name in the trash.
    pub name: String,
    /// The number that it had.
    pub local_id: u64,
    /// When it came here, in epoch milliseconds.
    pub trashed_at: i64,
    /// Why.
    pub reason: TrashReason,
    /// What it was.
    pub origin: Origin,
    /// Where it lies.
    pub path: PathBuf,
}

/// Why a repository was not taken out of the trash.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TakeBackError {
    /// It is not there, or no longer.
    #[error("there is no {0:?} in the trash")]
    Missing(String),
    /// There is another repository with the number that it was to have.
    #[error("repository {0} exists already")]
    Exists(u64),
    /// The file system failed.
    #[error("cannot take {name:?} out of the trash")]
    Io {
        /// Its name in the trash.
        name: String,
        /// Why it failed.
        #[source]
        error: io::Error,
    },
}

impl RepositoryStore {
    /// Moves a repository into the trash, whole or broken. It is out of its place at once. Returns its name there, or
    /// `None` when there was no repository with this number.
    pub async fn trash(&self, id: u64, reason: TrashReason, origin: Origin) -> io::Result<Option<String>> {
        let (place, trash, shared) = (self.place_of(id), self.trash_folder(), self.shared());
        blocking(move || {
            if !place.try_exists()? {
                shared.forget(id);
                return Ok(None);
            }
            let record = Record { local_id: id, trashed_at: epoch_ms(SystemTime::now()), reason, origin };
            let bin = new_bin(&trash, &record)?;
            let moved = std::fs::rename(&place, bin.join(REPOSITORY));
            shared.forget(id);
            if let Err(error) = moved {
                std::fs::remove_dir_all(&bin)?;
                // Another caller was faster.
                return if error.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(error) };
            }
            sync_folder(&bin)?;
            sync_parent_of(&place)?;
            let name = name_of(&bin);
            tracing::info!(
                repository.local_id = id,
                repository.path = record.origin.path,
                reason = reason.as_str(),
                trash.name = name,
                "moved a repository into the trash"
            );
            Ok(Some(name))
        })
        .await
    }

    /// What lies in the trash, the oldest first.
    pub async fn trashed(&self) -> io::Result<Vec<TrashedRepository>> {
        let trash = self.trash_folder();
        blocking(move || list(&trash)).await
    }

    /// Takes a repository out of the trash and gives it a number.
    pub async fn take_back(&self, name: &str, id: u64) -> Result<Repository, TakeBackError> {
        let failed = |error| TakeBackError::Io { name: name.to_owned(), error };
        let missing = || TakeBackError::Missing(name.to_owned());
        // What comes from outside names something in the trash and nothing else.
        if name.is_empty() || name == ".." || name.contains('/') {
            return Err(missing());
        }
        let (place, shared) = (self.place_of(id), self.shared());
        let bin = self.trash_folder().join(name);
        let moved = blocking(move || {
            // A rename would replace an empty folder, and nothing else.
            if place.try_exists()? {
                return Ok(false);
            }
            match move_into_place(&bin.join(REPOSITORY), &place) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => return Ok(false),
                moved => moved?,
            }
            shared.forget(id);
            std::fs::remove_dir_all(&bin)?;
            sync_parent_of(&bin)?;
            Ok(true)
        });
        let moved = moved.await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => missing(),
            _ => failed(error),
        });
        match moved? {
            true => Ok(self.repository(id)),
            false => Err(TakeBackError::Exists(id)),
        }
    }

    /// Deletes what has lain in the trash for `keep_for`, and the oldest before that while the disk is nearly full. Returns
    /// how many repositories it deleted.
    pub async fn empty_trash(&self, keep_for: Duration) -> io::Result<usize> {
        self.empty_trash_of(keep_for, is_nearly_full).await
    }

    async fn empty_trash_of(
        &self,
        keep_for: Duration,
        is_nearly_full: fn(&Path) -> io::Result<bool>,
    ) -> io::Result<usize> {
        let (root, trash, discarded) = (self.root().to_owned(), self.trash_folder(), self.discarded_folder());
        blocking(move || {
            let now = epoch_ms(SystemTime::now());
            let keep_for_ms = i64::try_from(keep_for.as_millis()).unwrap_or(i64::MAX);
            let mut deleted = 0;
            for trashed in list(&trash)? {
                let is_over = trashed.trashed_at.saturating_add(keep_for_ms) <= now;
                if !is_over {
                    if !is_nearly_full(&root)? {
                        break;
                    }
                    tracing::warn!(
                        repository.path = trashed.origin.path,
                        trash.name = trashed.name,
                        "the disk is nearly full: deleting the oldest repository in the trash before its time"
                    );
                }
                let leaving = discarded.join(&trashed.name);
                std::fs::rename(trash.join(&trashed.name), &leaving)?;
                sync_folder(&trash)?;
                std::fs::remove_dir_all(&leaving)?;
                deleted += 1;
                tracing::info!(
                    repository.local_id = trashed.local_id,
                    repository.path = trashed.origin.path,
                    reason = trashed.reason.as_str(),
                    trash.name = trashed.name,
                    "deleted a repository that lay in the trash"
                );
            }
            Ok(deleted)
        })
        .await
    }

    /// Keeps the trash within its limits until `stop` is cancelled.
    pub fn keep_trash(self, keep_for: Duration, stop: CancellationToken) -> BoxFuture<'static, ()> {
        // Behind a pointer it is compiled here, and as a future where it is waited for: in each crate above.
        self.empty_trash_until(keep_for, stop).boxed()
    }

    async fn empty_trash_until(self, keep_for: Duration, stop: CancellationToken) {
        loop {
            if let Err(error) = self.empty_trash(keep_for).await {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot empty the trash");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
        }
    }

    pub(super) fn trash_folder(&self) -> PathBuf {
        self.root().join("trash")
    }

    pub(super) fn discarded_folder(&self) -> PathBuf {
        self.root().join("discarded")
    }
}

/// Puts a repository that was made elsewhere in the place of the one with this number, and that one into the trash, in
/// one step where the file system can do that.
pub(super) fn exchange(
    trash: &Path,
    made: &Path,
    place: &Path,
    (local_id, reason, origin): (u64, TrashReason, Origin),
) -> io::Result<()> {
    if !place.try_exists()? {
        return move_into_place(made, place);
    }
    let record = Record { local_id, trashed_at: epoch_ms(SystemTime::now()), reason, origin };
    let bin = new_bin(trash, &record)?;
    let binned = bin.join(REPOSITORY);
    std::fs::rename(made, &binned)?;
    match renameat_with(CWD, &binned, CWD, place, RenameFlags::EXCHANGE).map_err(io::Error::from) {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            // For a moment there is none.
            std::fs::rename(&binned, made)?;
            std::fs::rename(place, &binned)?;
            std::fs::rename(made, place)?;
        }
        exchanged => exchanged?,
    }
    sync_folder(&bin)?;
    sync_parent_of(place)?;
    let (path, reason, name) = (record.origin.path, reason.as_str(), name_of(&bin));
    tracing::info!(
        repository.local_id = local_id,
        repository.path = path,
        reason,
        trash.name = name,
        "replaced a repository"
    );
    Ok(())
}

/// A folder for a repository, with the record in it, that survives a power failure.
fn new_bin(trash: &Path, record: &Record) -> io::Result<PathBuf> {
    let mut time = record.trashed_at;
    let bin = loop {
        let bin = trash.join(format!("{}-{time}", record.local_id));
        match std::fs::create_dir(&bin) {
            // Another repository with this number came here within the same millisecond.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => time += 1,
            made => break made.map(|()| bin)?,
        }
    };
    write_durably(&bin.join(RECORD), &serde_json::to_vec_pretty(record)?)?;
    sync_folder(trash)?;
    Ok(bin)
}

fn list(trash: &Path) -> io::Result<Vec<TrashedRepository>> {
    let mut listed = Vec::new();
    for entry in entries(trash)? {
        let bin = entry?.path();
        let path = bin.join(REPOSITORY);
        // A record without a repository: its way here, or back, was interrupted.
        let trashed = if path.try_exists()? { look_at(&bin, path) } else { continue };
        match trashed {
            // Taken back or deleted in the meantime.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            trashed => listed.push(trashed?),
        }
    }
    listed.sort_by(|a, b| (a.trashed_at, &a.name).cmp(&(b.trashed_at, &b.name)));
    Ok(listed)
}

fn look_at(bin: &Path, path: PathBuf) -> io::Result<TrashedRepository> {
    let name = name_of(bin);
    let record = std::fs::read(bin.join(RECORD)).ok();
    let record = record.and_then(|record| serde_json::from_slice::<Record>(&record).ok());
    let record = match record {
        Some(record) => record,
        None => Record {
            local_id: name.split('-').next().and_then(|id| id.parse().ok()).unwrap_or_default(),
            trashed_at: epoch_ms(std::fs::metadata(bin)?.modified()?),
            reason: TrashReason::Unknown,
            origin: Origin::default(),
        },
    };
    let Record { local_id, trashed_at, reason, origin } = record;
    Ok(TrashedRepository { name, local_id, trashed_at, reason, origin, path })
}

fn name_of(bin: &Path) -> String {
    bin.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn is_nearly_full(root: &Path) -> io::Result<bool> {
    let disk = rustix::fs::statvfs(root)?;
    let total = disk.f_blocks.saturating_mul(disk.f_frsize);
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    Ok(free < (total / 100 * NEARLY_FULL_PERCENT).min(NEARLY_FULL_BYTES))
}

fn epoch_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::RefName;

    use super::*;
    use crate::fixture::Workshop;
    use crate::repository::OpenError;

    const LONG: Duration = Duration::from_hours(1);

    async fn store_with(workshop: &Workshop, ids: &[u64]) -> RepositoryStore {
        let store = workshop.store();
        for id in ids {
            store.create(*id, &RefName::branch("main").expect("valid")).await.expect("created");
        }
        store
    }

    fn engine() -> Origin {
        Origin {
            path: Some("APP/engine".to_owned()),
            upstream_id: Some("u".to_owned()),
            external_id: Some("17".to_owned()),
            identity: Some("abc".to_owned()),
            generation: Some(8),
        }
    }

    #[tokio::test]
    async fn what_goes_into_the_trash_says_what_it_was_and_comes_back_under_any_number() {
        let workshop = Workshop::new().await;
        let store = store_with(&workshop, &[3, 258]).await;
        let name = store.trash(258, TrashReason::NotSelected, engine()).await.expect("moved").expect("there");
        assert!(matches!(store.open(258).await, Err(OpenError::Missing(258))));
        assert_eq!(store.trash(258, TrashReason::Deleted, engine()).await.expect("nothing to do"), None);
        // A process that starts anew finds it as well.
        workshop.store().recover().await.expect("recovered");
        let listed = workshop.store().trashed().await.expect("listable");
        let [trashed] = &listed[..] else { panic!("{listed:?}") };
        assert_eq!(
            (&trashed.name, trashed.local_id, trashed.reason, &trashed.origin),
            (&name, 258, TrashReason::NotSelected, &engine())
        );
        assert!(matches!(store.take_back(&name, 3).await, Err(TakeBackError::Exists(3))));
        store.take_back(&name, 9).await.expect("taken back");
        assert!(store.open(9).await.is_ok());
        assert!(store.trashed().await.expect("listable").is_empty());
        for name in [name.as_str(), "", "..", "../02"] {
            assert!(matches!(store.take_back(name, 10).await, Err(TakeBackError::Missing(_))));
        }
    }

    #[tokio::test]
    async fn two_with_one_number_lie_side_by_side_and_go_when_their_time_is_over() {
        let workshop = Workshop::new().await;
        let store = store_with(&workshop, &[3]).await;
        store.trash(3, TrashReason::Deleted, Origin::default()).await.expect("moved");
        let store = store_with(&workshop, &[3]).await;
        store.trash(3, TrashReason::Damaged, Origin::default()).await.expect("moved");
        let listed = store.trashed().await.expect("listable");
        let reasons: Vec<_> = listed.iter().map(|trashed| trashed.reason).collect();
        assert_eq!(reasons, [TrashReason::Deleted, TrashReason::Damaged]);
        assert_eq!(store.empty_trash_of(LONG, |_| Ok(false)).await.expect("looked"), 0);
        assert_eq!(store.empty_trash_of(Duration::ZERO, |_| Ok(false)).await.expect("emptied"), 2);
        assert!(store.trashed().await.expect("listable").is_empty());
        assert!(store.discarded_folder().read_dir().expect("listable").next().is_none());
    }

    #[tokio::test]
    async fn what_has_no_record_is_kept_like_the_rest() {
        let workshop = Workshop::new().await;
        let store = store_with(&workshop, &[3]).await;
        let name = store.trash(3, TrashReason::Deleted, engine()).await.expect("moved").expect("there");
        std::fs::write(store.trash_folder().join(&name).join(RECORD), "{").expect("written");
        std::fs::create_dir(store.trash_folder().join("4-1")).expect("a folder");
        let listed = store.trashed().await.expect("listable");
        let [trashed] = &listed[..] else { panic!("{listed:?}") };
        assert_eq!((trashed.local_id, trashed.reason), (3, TrashReason::Unknown));
        assert_eq!(store.empty_trash_of(LONG, |_| Ok(false)).await.expect("looked"), 0);
        store.take_back(&name, 3).await.expect("taken back");
    }

    #[tokio::test]
    async fn a_disk_that_is_nearly_full_ends_the_time_of_the_oldest() {
        let workshop = Workshop::new().await;
        let store = store_with(&workshop, &[3]).await;
        store.trash(3, TrashReason::Deleted, Origin::default()).await.expect("moved");
        assert_eq!(store.empty_trash_of(LONG, |_| Ok(true)).await.expect("emptied"), 1);
        assert!(store.trashed().await.expect("listable").is_empty());
    }
}
