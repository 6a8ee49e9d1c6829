//! Making sure that what a change has brought survives a power failure, before the change is acknowledged.
//!
//! Git syncs files, and never the folders that it renames them into. Here the folders follow: those of objects that have
//! changed since they were last synced first, then `packed-refs`, the folders of the changed references last. So a reference
//! that has survived has its objects, and one that was packed is in one of the two places.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use heliostat_git_wire::{RefChange, RefChangeKind, RefName};
use parking_lot::Mutex;

use super::left_tips::LEFT_TIPS_FILE;
use crate::disk::{blocking, entries, sync_each, sync_folder};
use crate::process::{Durability, GitError};
use crate::repository::Repository;

/// How far the time of a file may lag behind the clock.
const FINE_SLACK: Duration = Duration::from_millis(100);
/// The same where times are whole seconds, or two.
const COARSE_SLACK: Duration = Duration::from_secs(3);
/// The system writes what an earlier process has left to it within this time.
const WRITTEN_BY_THE_SYSTEM: Duration = Duration::from_mins(2);
/// A difference of more than this between the wall clock and the monotonic one means that the clock was set.
const CLOCK_TOLERANCE: Duration = Duration::from_millis(50);
/// When more repositories than this have been changed, it is forgotten when: then more is synced than is needed.
const MAX_REMEMBERED: usize = 100_000;

/// When the repositories of a store were last made durable.
#[derive(Debug)]
pub(crate) struct LastSyncs {
    started: Clocks,
    last: Mutex<HashMap<u64, Clocks>>,
}

/// The same moment by two clocks: one that files are dated by, and one that is never set.
#[derive(Debug, Clone, Copy)]
struct Clocks {
    wall: SystemTime,
    steady: Instant,
}

impl Clocks {
    fn now() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }

    /// What to take for the date of this moment when it is compared with those of files. The beginning of time when the
    /// clock was set since.
    fn as_date(&self, now: &Self) -> SystemTime {
        let expected = self.wall + now.steady.duration_since(self.steady);
        let drift = now.wall.duration_since(expected).unwrap_or_else(|error| error.duration());
        if drift <= CLOCK_TOLERANCE { self.wall } else { SystemTime::UNIX_EPOCH }
    }
}

impl Default for LastSyncs {
    fn default() -> Self {
        Self { started: Clocks::now(), last: Mutex::default() }
    }
}

impl LastSyncs {
    fn before(&self, repository: u64, now: &Clocks) -> SystemTime {
        match self.last.lock().get(&repository) {
            Some(last) => last.as_date(now),
            None => {
                self.started.as_date(now).checked_sub(WRITTEN_BY_THE_SYSTEM).unwrap_or(SystemTime::UNIX_EPOCH)
            }
        }
    }

    fn note(&self, repository: u64, moment: Clocks) {
        let mut last = self.last.lock();
        if last.len() >= MAX_REMEMBERED {
            last.clear();
        }
        last.insert(repository, moment);
    }
}

impl Repository {
    /// Makes what others have written into it survive a power failure: objects, and these changes of references, or
    /// all that there are. Nothing is to be done where a power failure may take it.
    pub async fn make_durable(&self, changes: Option<&[RefChange]>) -> Result<(), GitError> {
        if self.git().durability() == Durability::Relaxed {
            return Ok(());
        }
        let _alone = self.no_push_in_last_step().await;
        // References are not packed meanwhile: their files must not go before `packed-refs` has come.
        let lock = self.refs_lock();
        let _lock = lock.lock().await;
        let now = Clocks::now();
        let since = self.last_syncs().before(self.id(), &now);
        let refs = ChangedRefs::of(changes);
        let path = self.path().to_owned();
        let synced = blocking(move || sync_changes(&path, since, &refs)).await;
        synced.map_err(|error| GitError::Io { operation: "sync what was written", error })?;
        self.last_syncs().note(self.id(), now);
        Ok(())
    }

    /// Brings references that lie in files of their own into `packed-refs`. The caller holds the lock of references.
    ///
    /// In two steps, so that no file of a reference goes before the name of the new `packed-refs` is on the disk.
    pub async fn pack_refs(&self, time_limit: Duration) -> Result<(), GitError> {
        const OPERATION: &str = "pack references";
        for pruning in ["--no-prune", "--prune"] {
            // At full priority, because others wait for it.
            let command = self.ref_writing_command(OPERATION).args(["pack-refs", "--all", pruning]);
            command.time_limit(time_limit).run().await?;
            let path = self.path().to_owned();
            let synced = blocking(move || sync_folder(&path)).await;
            synced.map_err(|error| GitError::Io { operation: OPERATION, error })?;
        }
        Ok(())
    }

    /// Makes objects that others have written into it survive a power failure. Who calls this sees to the references.
    pub(super) async fn make_objects_durable(&self) -> Result<(), GitError> {
        if self.git().durability() == Durability::Relaxed {
            return Ok(());
        }
        let now = Clocks::now();
        let (path, since) = (self.path().to_owned(), self.last_syncs().before(self.id(), &now));
        let synced = blocking(move || sync_objects(&path, since)).await;
        synced.map_err(|error| GitError::Io { operation: "sync what was fetched", error })?;
        self.last_syncs().note(self.id(), now);
        Ok(())
    }
}

/// Which references have changed.
enum ChangedRefs {
    Named { folders: BTreeSet<PathBuf>, any_is_gone: bool },
    Unknown,
}

impl ChangedRefs {
    fn of(changes: Option<&[RefChange]>) -> Self {
        let Some(changes) = changes else { return Self::Unknown };
        Self::Named {
            folders: folders_of(changes.iter().map(|change| &change.name)),
            any_is_gone: changes.iter().any(|change| change.kind() == RefChangeKind::Delete),
        }
    }
}

/// The folders in which these references lie, from the repository on.
fn folders_of<'a>(names: impl Iterator<Item = &'a RefName>) -> BTreeSet<PathBuf> {
    let above = |name: &'a RefName| Path::new(name.as_str()).ancestors().skip(1);
    names.flat_map(above).filter(|folder| !folder.as_os_str().is_empty()).map(Path::to_owned).collect()
}

fn sync_objects(repository: &Path, since: SystemTime) -> io::Result<()> {
    let mut of_objects = Vec::new();
    let objects = repository.join("objects");
    for entry in entries(&objects)? {
        let entry = entry?;
        // The folders of transfers that are under way need no sync.
        let is_one = entry.file_name().to_str().is_some_and(|name| name.len() == 2 || name == "pack");
        if is_one && has_changed(&entry.path(), since)? {
            of_objects.push(entry.path());
        }
    }
    of_objects.push(objects);
    // What moved references named before is needed as long as the objects are, and must not be forgotten before they move.
    let left_tips = repository.join(LEFT_TIPS_FILE);
    if has_changed(&left_tips, since)? {
        of_objects.push(left_tips);
    }
    sync_each(&of_objects, |folder| sync_if_there(folder))
}

/// The folders of references are synced whether or not they have changed since the last time, which may have been for
/// the sake of other references than these.
fn sync_changes(repository: &Path, since: SystemTime, refs: &ChangedRefs) -> io::Result<()> {
    sync_objects(repository, since)?;
    match refs {
        ChangedRefs::Named { folders, any_is_gone } => sync_places(repository, folders, *any_is_gone),
        ChangedRefs::Unknown => {
            sync_folder(repository)?;
            let mut folders = Vec::new();
            find_folders(repository.join("refs"), &mut folders)?;
            sync_each(&folders, |folder| sync_if_there(folder))
        }
    }
}

/// Makes that references have changed in these folders survive a power failure, and that some have gone.
fn sync_places(repository: &Path, folders: &BTreeSet<PathBuf>, any_is_gone: bool) -> io::Result<()> {
    if any_is_gone {
        // It has left `packed-refs`, too.
        sync_folder(repository)?;
    }
    let folders: Vec<_> = folders.iter().map(|folder| repository.join(folder)).collect();
    sync_each(&folders, |folder| sync_if_there(folder))
}

/// Makes changes of these references survive a power failure.
pub(super) fn sync_refs(repository: &Path, names: &[RefName], any_is_gone: bool) -> io::Result<()> {
    sync_places(repository, &folders_of(names.iter()), any_is_gone)
}

/// This folder and all below it.
fn find_folders(folder: PathBuf, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in entries(&folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            find_folders(entry.path(), found)?;
        }
    }
    found.push(folder);
    Ok(())
}

/// Whether anything was written here since. What is gone has left a trace in the folder above.
fn has_changed(path: &Path, since: SystemTime) -> io::Result<bool> {
    let modified = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        metadata => metadata?.modified()?,
    };
    let is_fine = modified.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|time| time.subsec_nanos() > 0);
    Ok(modified + if is_fine { FINE_SLACK } else { COARSE_SLACK } >= since)
}

/// Git removes folders of references that have become empty, and a reference may have taken the place of one.
fn sync_if_there(folder: &Path) -> io::Result<()> {
    match sync_folder(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(())
        }
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;

    #[test]
    fn the_folders_of_references_are_all_those_above_them() {
        let names = ["refs/heads/a/b", "refs/heads/c", "refs/tags/v1"]
            .map(|name| RefName::parse(name).expect("valid"));
        let folders = folders_of(names.iter());
        let expected = ["refs", "refs/heads", "refs/heads/a", "refs/tags"].map(PathBuf::from);
        assert_eq!(folders, BTreeSet::from(expected));
    }

    #[tokio::test]
    async fn all_folders_of_references_are_found_and_only_what_has_changed_counts_as_changed() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "a/b"]).await;
        let mut found = Vec::new();
        find_folders(repository.path().join("refs"), &mut found).expect("listable");
        let names =
            ["refs/heads/a", "refs/heads", "refs/tags", "refs"].map(|name| repository.path().join(name));
        assert_eq!(BTreeSet::from_iter(found), BTreeSet::from(names));
        let objects = repository.path().join("objects");
        assert!(has_changed(&objects, SystemTime::UNIX_EPOCH).expect("there"));
        let later = SystemTime::now() + Duration::from_secs(60);
        assert!(!has_changed(&objects, later).expect("there"));
        assert!(!has_changed(&objects.join("gone"), SystemTime::UNIX_EPOCH).expect("fine"));
    }

    #[tokio::test]
    async fn a_reference_may_take_the_place_of_a_folder() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["a"]).await;
        let gone = RefName::parse("refs/heads/a/b/c").expect("valid");
        let refs = ChangedRefs::Named { folders: folders_of(std::iter::once(&gone)), any_is_gone: true };
        sync_changes(repository.path(), SystemTime::UNIX_EPOCH, &refs).expect("synced");
    }

    #[test]
    fn a_clock_that_was_set_makes_everything_count_as_changed() {
        let now = Clocks::now();
        let an_hour = Duration::from_secs(3600);
        let later = Clocks { wall: now.wall + an_hour, steady: now.steady + an_hour };
        assert_eq!(now.as_date(&later), now.wall);
        let set_back = Clocks { wall: now.wall - an_hour, steady: now.steady + an_hour };
        assert_eq!(now.as_date(&set_back), SystemTime::UNIX_EPOCH);
    }

    #[tokio::test]
    async fn a_strict_repository_is_synced_whatever_is_known_of_its_changes() {
        let workshop = Workshop::new().await;
        let git = workshop.git.clone().with_durability(Durability::Strict, &workshop.path(""));
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let strict = Repository::at(git, repository.path().to_owned());
        strict.make_durable(None).await.expect("synced");
        strict.make_durable(Some(&[])).await.expect("synced");
        assert!(strict.last_syncs().last.lock().contains_key(&strict.id()));
        repository.make_durable(None).await.expect("nothing to do");
        assert!(repository.last_syncs().last.lock().is_empty());
    }
}
