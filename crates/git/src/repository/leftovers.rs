//! Removing what killed processes left in a repository: locks, half-written packs, and references that are half moved.
//!
//! Living processes of ours are known, and since when they write: what is older than all of them belongs to none.
//! Others may be at work, too, such as an administrator's `git`, so what is removed was untouched for a while besides.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::half_moved::take_back_half_moved;
use crate::disk::{blocking, entries, files_below, remove_if_there};
use crate::refs::is_older;
use crate::repository::Repository;

/// A lock file that was not touched for this long belongs to a process that was killed: git holds one only while
/// it writes references, never while it transfers objects.
pub const STALE_LOCK_AGE: Duration = Duration::from_secs(10);

/// The same for temporary files of transfers: while one goes on, something in its folder is written to.
pub const STALE_TRANSFER_AGE: Duration = Duration::from_hours(1);

/// Beside the repository's own files. The last is no lock, but stands in the way like one: git makes it while it holds
/// the lock before it, and never writes over it.
const LOCKS: [&str; 5] = ["HEAD.lock", "config.lock", "shallow.lock", "packed-refs.lock", "packed-refs.new"];

/// What came of looking for locks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StaleLocks {
    /// How many were removed.
    pub removed: usize,
    /// How many may belong to a living process.
    pub left: usize,
}

impl Repository {
    /// Removes lock files that have not been touched for `age`, and that no living process of ours can have taken.
    pub async fn clear_stale_locks(&self, age: Duration) -> io::Result<StaleLocks> {
        let stale = Stale { age, writers_since: self.oldest_writer().refs };
        let path = self.path().to_owned();
        blocking(move || remove_locks(&path, stale)).await
    }

    /// Removes what transfers have left that were killed and untouched for `age`: quarantine folders, half-written packs
    /// and objects, and the files by which they kept packs from being replaced.
    pub async fn clear_stale_transfers(&self, age: Duration) -> io::Result<()> {
        let stale = Stale { age, writers_since: self.oldest_writer().objects };
        let path = self.path().to_owned();
        blocking(move || remove_leftovers_of_transfers(&path, stale)).await
    }

    /// Does both where it may block, for what a run has left that was killed, and takes back what it has moved half. Returns
    /// how many lock files were removed.
    pub(super) fn clear_after_kill(&self, lock_age: Duration) -> io::Result<usize> {
        let writers = self.oldest_writer();
        let transfers = Stale { age: Duration::ZERO, writers_since: writers.objects };
        remove_leftovers_of_transfers(self.path(), transfers)?;
        let locks = Stale { age: lock_age, writers_since: writers.refs };
        let removed = remove_locks(self.path(), locks)?.removed;
        let path = self.path().display();
        match take_back_half_moved(self.path(), self.git().durability()) {
            Ok(true) => tracing::warn!(
                repository.path = %path,
                "took back references of which a crash had let some move and others not"
            ),
            Ok(false) => {}
            // What is there is compared with what is recorded before it is served.
            Err(error) => {
                tracing::warn!(repository.path = %path, %error, "cannot take back half-moved references");
            }
        }
        Ok(removed)
    }
}

/// What tells leftovers from what is in use.
#[derive(Clone, Copy)]
struct Stale {
    age: Duration,
    /// Since when processes of ours write; `None` when none does.
    writers_since: Option<SystemTime>,
}

impl Stale {
    /// Whether a file is left over; one that is gone is not.
    fn is(self, file: &Path) -> bool {
        let Ok(written) = std::fs::symlink_metadata(file).and_then(|metadata| metadata.modified()) else {
            return false;
        };
        let now = SystemTime::now();
        // What seems to come from the future was written before the clock was turned back.
        let age = now.duration_since(written).unwrap_or_else(|ahead| ahead.duration());
        age >= self.age && self.writers_since.is_none_or(|began| is_older(written, began))
    }

    /// Of a folder everything in it counts: that of a push that is under way is old, and what is being written lies
    /// below it.
    fn is_all_of(self, place: &Path) -> io::Result<bool> {
        if !self.is(place) {
            return Ok(false);
        }
        if !place.is_dir() {
            return Ok(true);
        }
        for entry in entries(place)? {
            if !self.is_all_of(&entry?.path())? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn remove_locks(repository: &Path, stale: Stale) -> io::Result<StaleLocks> {
    let mut found = StaleLocks::default();
    for lock in locks_of(repository)? {
        if stale.is(&lock) && std::fs::remove_file(&lock).is_ok() {
            tracing::debug!(lock = %lock.display(), "removed a lock file");
            found.removed += 1;
        } else {
            found.left += 1;
        }
    }
    if found.removed > 0 {
        let removed = found.removed;
        tracing::warn!(repository.path = %repository.display(), removed, "removed lock files whose owner was killed");
    }
    Ok(found)
}

fn remove_leftovers_of_transfers(repository: &Path, stale: Stale) -> io::Result<()> {
    remove_temporary_files(repository, stale)?;
    remove_keep_files_of_transfers(repository, stale)
}

fn remove_temporary_files(repository: &Path, stale: Stale) -> io::Result<()> {
    let objects = repository.join("objects");
    let mut folders = vec![objects.join("pack"), objects.join("info/commit-graphs")];
    // A fetch writes its loose objects where they are to lie.
    for entry in entries(&objects)? {
        let entry = entry?;
        folders.extend((entry.file_name().len() == 2).then(|| entry.path()));
    }
    folders.push(objects);
    for folder in folders {
        // A damaged repository is found out when it is opened, not here.
        for entry in entries(&folder)? {
            let entry = entry?;
            let is_temporary = entry.file_name().to_str().is_some_and(|name| name.starts_with("tmp_"));
            if !is_temporary || !stale.is_all_of(&entry.path())? {
                continue;
            }
            let is_folder = entry.file_type()?.is_dir();
            let removed = if is_folder {
                std::fs::remove_dir_all(entry.path())
            } else {
                std::fs::remove_file(entry.path())
            };
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => tracing::debug!(path = %entry.path().display(), "removed what a killed transfer left"),
            }
        }
    }
    Ok(())
}

/// Those that people have put there stay.
fn remove_keep_files_of_transfers(repository: &Path, stale: Stale) -> io::Result<()> {
    for entry in entries(&repository.join("objects/pack"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "keep") || !stale.is(&path) {
            continue;
        }
        // What git writes into them, with the number of the process behind it.
        let Ok(text) = std::fs::read(&path) else { continue };
        if text.starts_with(b"receive-pack ") || text.starts_with(b"fetch-pack ") {
            tracing::warn!(keep = %path.display(), "removing what a killed transfer kept its pack by");
            remove_if_there(&path)?;
        }
    }
    Ok(())
}

/// Lock files beside the repository's own files and anywhere below `refs/`.
fn locks_of(repository: &Path) -> io::Result<Vec<PathBuf>> {
    let is_lock = |path: &Path| path.extension().is_some_and(|extension| extension == "lock");
    let mut locks: Vec<_> =
        LOCKS.iter().map(|name| repository.join(name)).filter(|path| path.is_file()).collect();
    for file in files_below(repository.join("refs")) {
        let path = file?.path();
        if is_lock(&path) {
            locks.push(path);
        }
    }
    Ok(locks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn what_killed_transfers_left_is_removed_when_it_is_old() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let objects = repository.path().join("objects");
        let quarantine = objects.join("tmp_objdir-incoming-x");
        std::fs::create_dir(&quarantine).expect("folder");
        let temporary = ["pack/tmp_pack_x", "aa/tmp_obj_x", "info/commit-graphs/tmp_graph_x"]
            .map(|name| objects.join(name));
        for file in &temporary {
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
            std::fs::write(file, "").expect("written");
        }
        repository.clear_stale_transfers(STALE_TRANSFER_AGE).await.expect("listable");
        assert!(quarantine.exists() && temporary.iter().all(|file| file.exists()));
        repository.clear_stale_transfers(Duration::ZERO).await.expect("listable");
        assert!(!quarantine.exists() && !temporary.iter().any(|file| file.exists()));
        assert!(objects.join("aa").is_dir(), "a push may have made it a moment ago");
        repository.verify().await.expect("whole");
    }

    #[tokio::test]
    async fn packs_that_killed_transfers_kept_are_free_again_and_others_stay_kept() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let keep = |name: &str| repository.path().join("objects/pack").join(name);
        for (name, text) in [
            ("pack-1.keep", "receive-pack 17 on host\n"),
            ("pack-2.keep", "fetch-pack 17 on host\n"),
            ("pack-3.keep", "by hand\n"),
            ("pack-4.keep", ""),
        ] {
            std::fs::write(keep(name), text).expect("written");
        }
        repository.clear_stale_transfers(Duration::ZERO).await.expect("listable");
        let left = |number| keep(&format!("pack-{number}.keep")).exists();
        assert_eq!([1, 2, 3, 4].map(left), [false, false, true, true]);
    }

    #[tokio::test]
    async fn a_push_that_lasts_long_keeps_what_it_has_written() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let quarantine = repository.path().join("objects/tmp_objdir-incoming-x");
        std::fs::create_dir_all(quarantine.join("pack")).expect("folders");
        std::fs::write(quarantine.join("pack/tmp_pack_x"), "half").expect("written");
        let long_ago = SystemTime::now() - 2 * STALE_TRANSFER_AGE;
        for folder in [quarantine.join("pack"), quarantine.clone()] {
            std::fs::File::open(folder).expect("there").set_modified(long_ago).expect("a time");
        }
        repository.clear_stale_transfers(STALE_TRANSFER_AGE).await.expect("listable");
        assert!(quarantine.join("pack/tmp_pack_x").exists());
        let file = std::fs::File::options().write(true).open(quarantine.join("pack/tmp_pack_x"));
        file.expect("there").set_modified(long_ago).expect("a time");
        repository.clear_stale_transfers(STALE_TRANSFER_AGE).await.expect("listable");
        assert!(!quarantine.exists());
    }

    const HOUR: Duration = Duration::from_hours(1);

    fn write_long_ago(file: &Path) {
        std::fs::write(file, "receive-pack 17 on host\n").expect("written");
        let file = std::fs::File::options().write(true).open(file).expect("there");
        file.set_modified(SystemTime::now() - HOUR).expect("a time");
    }

    #[tokio::test]
    async fn what_is_younger_than_a_living_writer_stays_and_what_is_older_goes() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let (lock, draft) =
            (repository.path().join("packed-refs.lock"), repository.path().join("packed-refs.new"));
        let keep = repository.path().join("objects/pack/pack-1.keep");
        for writer in [repository.changing_command("push"), repository.ref_writing_command("pack references")]
        {
            std::fs::write(&lock, "").expect("written");
            std::fs::write(&keep, "receive-pack 17 on host\n").expect("written");
            let cleared = repository.clear_stale_locks(Duration::ZERO).await.expect("listable");
            assert_eq!(cleared, StaleLocks { removed: 0, left: 1 });
            repository.clear_stale_transfers(Duration::ZERO).await.expect("listable");
            assert!(keep.exists());
            // Pushes overlap, and one of those before them was killed.
            let late = repository.changing_command("push");
            drop(writer);
            let younger = repository.changing_command("push");
            [&lock, &draft, &keep].into_iter().for_each(|file| write_long_ago(file));
            let cleared = repository.clear_stale_locks(STALE_LOCK_AGE).await.expect("listable");
            assert_eq!(cleared, StaleLocks { removed: 2, left: 0 });
            repository.clear_stale_transfers(HOUR / 2).await.expect("listable");
            assert!(!keep.exists());
            drop((late, younger));
        }
    }

    #[tokio::test]
    async fn a_lock_from_the_future_is_one_from_before_the_clock_was_turned_back() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let lock = repository.path().join("refs/heads/main.lock");
        std::fs::File::create(&lock)
            .expect("written")
            .set_modified(SystemTime::now() + HOUR)
            .expect("a time");
        assert_eq!(repository.clear_stale_locks(STALE_LOCK_AGE).await.expect("listable").removed, 1);
    }

    #[tokio::test]
    async fn only_old_locks_are_removed() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "a/b"]).await;
        for lock in ["packed-refs.lock", "refs/heads/a/b.lock"] {
            std::fs::write(repository.path().join(lock), "").expect("written");
        }
        let cleared = repository.clear_stale_locks(STALE_LOCK_AGE).await.expect("listable");
        assert_eq!(cleared, StaleLocks { removed: 0, left: 2 });
        let cleared = repository.clear_stale_locks(Duration::ZERO).await.expect("listable");
        assert_eq!(cleared, StaleLocks { removed: 2, left: 0 });
        assert!(repository.path().join("refs/heads/a/b").exists());
    }
}
