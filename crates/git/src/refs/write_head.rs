//! Writing `HEAD`: as `git symbolic-ref` does it, but on the disk before it takes the place of the one before.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use heliostat_git_wire::RefName;

use crate::disk::{blocking, sync_folder};
use crate::process::GitError;

/// How long another writer's lock is waited for; a push that moves the default branch holds it for a moment.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// Pause between two attempts.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Makes `HEAD` of the repository in this folder name a reference, whether or not it exists.
pub(crate) async fn write_head(repository: &Path, target: &RefName) -> Result<(), GitError> {
    let operation = "change HEAD";
    let started = Instant::now();
    loop {
        let (folder, content) = (repository.to_owned(), format!("ref: {target}\n"));
        match blocking(move || replace_head(&folder, content.as_bytes())).await {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if started.elapsed() >= LOCK_PATIENCE {
                    let (path, detail) = (repository.to_owned(), "HEAD.lock is there".to_owned());
                    return Err(GitError::Locked { operation, path, detail });
                }
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            written => return written.map_err(|error| GitError::Io { operation, error }),
        }
    }
}

/// The lock file is the new one: who holds it may write.
fn replace_head(repository: &Path, content: &[u8]) -> io::Result<()> {
    let lock = repository.join("HEAD.lock");
    let mut file = File::create_new(&lock)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    let replaced = written.and_then(|()| std::fs::rename(&lock, repository.join("HEAD")));
    if replaced.is_err() {
        std::fs::remove_file(&lock).ok();
    }
    replaced.and_then(|()| sync_folder(repository))
}
