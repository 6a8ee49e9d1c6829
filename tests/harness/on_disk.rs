//! What a server keeps on disk, for tests that damage it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Copies a folder with everything in it to a place where nothing is yet.
pub fn copy_folder(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp can be started");
    assert!(status.success(), "{} is not copied to {}", from.display(), to.display());
}

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

/// Removes a folder that a server, or a git that it started, may be writing to: what comes while it is emptied goes, too.
pub fn remove_folder(folder: &Path) {
    loop {
        match std::fs::remove_dir_all(folder) {
            Ok(()) => return,
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
            Err(error) => panic!("{} cannot be removed: {error}", folder.display()),
        }
    }
}

/// Removes such a folder and has a file in its place, so that it cannot be made again.
pub fn replace_folder_by_file(folder: &Path) {
    loop {
        match std::fs::write(folder, "not a folder") {
            Ok(()) => return,
            Err(error) if error.kind() == ErrorKind::IsADirectory => remove_folder(folder),
            Err(error) => panic!("{} cannot be written: {error}", folder.display()),
        }
    }
}
