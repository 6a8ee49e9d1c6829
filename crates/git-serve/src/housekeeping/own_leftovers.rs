//! What only housekeeping leaves when it is killed: its locks, and files that were to take the place of its records.
//!
//! Git holds the lock on the common index for as long as it computes a bitmap, which may be long, so the age of the
//! file says nothing. A git that outlived the server that started it may still be at work: it is looked for by the
//! option that names its repository.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use heliostat_git::{Repository, STALE_LOCK_AGE, StaleLocks, age_of, blocking, entries, remove_if_there};

use crate::bundle::OWN_FOLDER;

/// Locks on what only housekeeping writes.
const LOCKS: [&str; 2] =
    ["objects/pack/multi-pack-index.lock", "objects/info/commit-graphs/commit-graph-chain.lock"];

/// How the name of a file begins that is renamed when it is whole.
const UNFINISHED: &[u8] = b".tmp";

/// The commands that take them. Readers, of which there are some all the time, do not.
const WRITERS: [&str; 2] = ["multi-pack-index", "commit-graph"];

/// Where processes cannot be listed, a lock is believed to be held for this long.
const BELIEVED_AGE: Duration = Duration::from_hours(6);

/// Removes what housekeeping has left that no longer runs, and says what became of its locks. Nothing of this process may
/// be writing what they protect.
pub(super) async fn clear_own_leftovers(repository: &Repository) -> io::Result<StaleLocks> {
    let path = repository.path().to_owned();
    let cleared = blocking(move || {
        remove_unfinished_records(&path)?;
        remove_stale_locks(&path)
    });
    cleared.await
}

/// One that cannot be removed is an error, and not one that is left: looking again soon would not help. Blocks.
fn remove_stale_locks(repository: &Path) -> io::Result<StaleLocks> {
    let mut found = StaleLocks::default();
    let locks: Vec<PathBuf> =
        LOCKS.iter().map(|lock| repository.join(lock)).filter(|lock| lock.exists()).collect();
    if locks.is_empty() {
        return Ok(found);
    }
    let is_worked_on = is_worked_on(repository);
    for lock in locks {
        let is_believed = || age_of(&lock).is_some_and(|age| age < BELIEVED_AGE);
        if is_worked_on.unwrap_or_else(is_believed) {
            found.left += 1;
            continue;
        }
        tracing::warn!(lock = %lock.display(), "removing a lock file of housekeeping that was killed");
        remove_if_there(&lock)?;
        found.removed += 1;
    }
    Ok(found)
}

/// Removes files that were to be renamed to what they hold. Another record may just be written. Blocks.
fn remove_unfinished_records(repository: &Path) -> io::Result<()> {
    for entry in entries(&repository.join(OWN_FOLDER))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.starts_with(UNFINISHED) && age_of(&path).is_some_and(|age| age >= STALE_LOCK_AGE) {
            remove_if_there(&path)?;
        }
    }
    Ok(())
}

/// Whether a git of any server writes what these locks protect; `None` where that cannot be seen.
fn is_worked_on(repository: &Path) -> Option<bool> {
    let option = format!("--git-dir={}", repository.display());
    let mut processes = std::fs::read_dir("/proc").ok()?.peekable();
    processes.peek()?;
    Some(processes.flatten().any(|process| {
        let arguments = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let has =
            |wanted: &str| arguments.split(|byte| *byte == 0).any(|argument| argument == wanted.as_bytes());
        has(&option) && WRITERS.into_iter().any(has)
    }))
}
