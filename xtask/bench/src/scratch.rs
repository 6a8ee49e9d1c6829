//! Temporary folders: named with the run's process id, so that the next run finds what a killed one has left.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

/// Every name of a run's begins with this; then come the process id and what it is for.
pub const PREFIX: &str = "heliostat-bench-";
/// A file system in memory, where there is one.
const IN_MEMORY: &str = "/dev/shm";

/// A folder that goes with its value.
pub fn folder(purpose: &str) -> anyhow::Result<TempDir> {
    folder_in(&std::env::temp_dir(), purpose)
}

/// The same in memory where that is possible, so that no disk is measured.
pub fn folder_in_memory(purpose: &str) -> anyhow::Result<TempDir> {
    folder_in(Path::new(IN_MEMORY), purpose).or_else(|_| folder(purpose))
}

/// The same inside another folder.
pub fn folder_in(parent: &Path, purpose: &str) -> anyhow::Result<TempDir> {
    let prefix = format!("{PREFIX}{}-{purpose}-", std::process::id());
    let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent);
    folder.with_context(|| format!("cannot make a folder in {}", parent.display()))
}

/// Everywhere that such folders are.
pub fn places() -> Vec<PathBuf> {
    vec![std::env::temp_dir(), IN_MEMORY.into(), crate::workspace::kept_repositories()]
}
