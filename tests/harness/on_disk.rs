//! What a server keeps on disk, for tests that damage it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::server::Server;

/// Copies a folder with everything in it to a place where nothing is yet.
pub fn copy_folder(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp can be started");
    assert!(status.success(), "{} is not copied to {}", from.display(), to.display());
}

/// Makes a pipe with a name: what opens it to read waits until something opens it to write.
pub fn make_pipe(place: &Path) {
    let status = Command::new("mkfifo").arg(place).status().expect("mkfifo can be started");
    assert!(status.success(), "{} is not made", place.display());
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

/// Where a repository lies on the disk of its upstream.
pub fn place_of(upstream: &Server, number: i64) -> PathBuf {
    upstream.data().join(format!("repositories/{:02x}/{number}.git", number % 256))
}

/// Lays a copy of a repository's folder into the place of another number, as a repository of its own.
pub fn lay_on_disk(upstream: &Server, repository: &Value, number: i64) {
    let copy = place_of(upstream, number);
    let folder = copy.parent().expect("repositories lie in folders");
    std::fs::create_dir_all(folder).expect("a folder can be made");
    copy_folder(&place_of(upstream, number_of(repository)), &copy);
    std::fs::remove_file(copy.join("heliostat-identity")).expect("repositories have identities");
}

/// Takes a repository off the disk.
pub fn take_off_disk(upstream: &Server, repository: &Value) {
    remove_folder(&place_of(upstream, number_of(repository)));
}

fn number_of(repository: &Value) -> i64 {
    repository["id"].as_i64().expect("a repository has an id")
}
