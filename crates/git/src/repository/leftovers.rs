//! Removing what killed processes left in a repository: locks and half-written packs.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::disk::{age_of, blocking, entries};
use crate::repository::Repository;

/// A lock file that was not touched for this long belongs to a process that was killed: git holds one only while
/// it writes references, never while it transfers objects.
pub const STALE_LOCK_AGE: Duration = Duration::from_mins(1);

/// Temporary files of transfers that are older than this were left by a process that was killed.
pub const STALE_TRANSFER_AGE: Duration = Duration::from_hours(24);

impl Repository {
    /// Removes lock files that have not been touched for `age`, and says how many there were. None while a process of
    /// ours writes references: one that writes very many holds its locks for longer than that.
    pub async fn clear_stale_locks(&self, age: Duration) -> io::Result<usize> {
        if self.refs_are_written() {
            return Ok(0);
        }
        let path = self.path().to_owned();
        blocking(move || {
            let mut removed = 0;
            for lock in locks_of(&path)? {
                if is_older_than(age, &lock) && std::fs::remove_file(&lock).is_ok() {
                    tracing::debug!(lock = %lock.display(), "removed a lock file");
                    removed += 1;
                }
            }
            if removed > 0 {
                tracing::warn!(repository.path = %path.display(), removed, "removed lock files whose owner was killed");
            }
            Ok(removed)
        })
        .await
    }
}

/// Removes quarantine folders of pushes and half-written packs that are no longer being written.
pub fn remove_stale_transfers(repository: &Path, age: Duration) -> io::Result<()> {
    for folder in ["objects", "objects/pack", "objects/info/commit-graphs"] {
        // A damaged repository is found out when it is opened, not here.
        for entry in entries(&repository.join(folder))? {
            let entry = entry?;
            let is_temporary = entry.file_name().to_str().is_some_and(|name| name.starts_with("tmp_"));
            if !is_temporary || !is_untouched_for(age, &entry.path())? {
                continue;
            }
            if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            } else {
                std::fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Removes the files by which transfers kept their packs from being replaced until their references were changed.
/// Nothing may be fetching or pushing into the repository. Those that people have put there stay.
pub(crate) fn remove_keep_files_of_transfers(repository: &Path) -> io::Result<()> {
    for entry in entries(&repository.join("objects/pack"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "keep") {
            continue;
        }
        // What git writes into them, with the number of the process behind it.
        let text = std::fs::read(&path)?;
        if text.starts_with(b"receive-pack ") || text.starts_with(b"fetch-pack ") {
            tracing::warn!(keep = %path.display(), "removing what a killed transfer kept its pack by");
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Whether neither a file nor, of a folder, anything in it was written to for this long: the folder of a push that is
/// under way is old, and what is being written lies below it.
fn is_untouched_for(age: Duration, place: &Path) -> io::Result<bool> {
    if !is_older_than(age, place) {
        return Ok(false);
    }
    if !place.is_dir() {
        return Ok(true);
    }
    for entry in entries(place)? {
        if !is_untouched_for(age, &entry?.path())? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_older_than(age: Duration, file: &Path) -> bool {
    age_of(file).is_some_and(|passed| passed >= age)
}

/// Lock files beside the repository's own files and anywhere below `refs/`.
fn locks_of(repository: &Path) -> io::Result<Vec<PathBuf>> {
    let mut locks = Vec::new();
    let mut folders = vec![repository.join("refs")];
    let is_lock = |path: &Path| path.extension().is_some_and(|extension| extension == "lock");
    for name in ["HEAD.lock", "packed-refs.lock", "config.lock", "shallow.lock"] {
        locks.extend(Some(repository.join(name)).filter(|path| path.is_file()));
    }
    while let Some(folder) = folders.pop() {
        for entry in entries(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if is_lock(&entry.path()) {
                locks.push(entry.path());
            }
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
        std::fs::write(objects.join("pack/tmp_pack_x"), "").expect("written");
        remove_stale_transfers(repository.path(), STALE_TRANSFER_AGE).expect("listable");
        assert!(quarantine.exists() && objects.join("pack/tmp_pack_x").exists());
        remove_stale_transfers(repository.path(), Duration::ZERO).expect("listable");
        assert!(!quarantine.exists() && !objects.join("pack/tmp_pack_x").exists());
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
        remove_keep_files_of_transfers(repository.path()).expect("listable");
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
        let long_ago = std::time::SystemTime::now() - 2 * STALE_TRANSFER_AGE;
        for folder in [quarantine.join("pack"), quarantine.clone()] {
            std::fs::File::open(folder).expect("there").set_modified(long_ago).expect("a time");
        }
        remove_stale_transfers(repository.path(), STALE_TRANSFER_AGE).expect("listable");
        assert!(quarantine.join("pack/tmp_pack_x").exists());
        let file = std::fs::File::options().write(true).open(quarantine.join("pack/tmp_pack_x"));
        file.expect("there").set_modified(long_ago).expect("a time");
        remove_stale_transfers(repository.path(), STALE_TRANSFER_AGE).expect("listable");
        assert!(!quarantine.exists());
    }

    #[tokio::test]
    async fn locks_of_a_process_that_still_writes_references_stay() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let lock = repository.path().join("packed-refs.lock");
        std::fs::write(&lock, "").expect("written");
        for writer in [repository.changing_command("push"), repository.ref_writing_command("pack references")]
        {
            assert_eq!(repository.clear_stale_locks(Duration::ZERO).await.expect("nothing done"), 0);
            assert!(lock.exists());
            drop(writer);
        }
        assert_eq!(repository.clear_stale_locks(Duration::ZERO).await.expect("listable"), 1);
    }

    #[tokio::test]
    async fn only_old_locks_are_removed() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "a/b"]).await;
        for lock in ["packed-refs.lock", "refs/heads/a/b.lock"] {
            std::fs::write(repository.path().join(lock), "").expect("written");
        }
        assert_eq!(repository.clear_stale_locks(STALE_LOCK_AGE).await.expect("listable"), 0);
        assert_eq!(repository.clear_stale_locks(Duration::ZERO).await.expect("listable"), 2);
        assert!(repository.path().join("refs/heads/a/b").exists());
    }
}
