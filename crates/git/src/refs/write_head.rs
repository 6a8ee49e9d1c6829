//! Writing `HEAD`: as `git symbolic-ref` does it, but on the disk before it takes the place of the one before.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use heliostat_git_wire::RefName;

use crate::disk::{blocking, replace_under_lock};
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
        let write =
            move || replace_under_lock(&folder.join("HEAD"), true, |lock| lock.write_all(content.as_bytes()));
        match blocking(write).await {
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
