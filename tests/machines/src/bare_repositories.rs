//! Which repositories lie in the data folder of a server.

use std::path::{Path, PathBuf};

/// The bare repositories below a data directory.
pub fn bare_repositories(data: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![data.join("repositories")];
    while let Some(folder) = folders.pop() {
        if folder.join("HEAD").is_file() && folder.join("objects").is_dir() {
            found.push(folder);
            continue;
        }
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        folders.extend(entries.filter(|path| path.is_dir() && !is_passing(path)));
    }
    found
}

/// Whether what lies in this folder is being made, or is no longer wanted.
fn is_passing(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name == "incoming" || name == "trash" || name == "discarded")
}
