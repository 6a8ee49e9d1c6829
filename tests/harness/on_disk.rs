//! What a server keeps on disk, for tests that damage it.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

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
