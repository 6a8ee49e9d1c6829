//! Data folders that other users of the machine may look into, and what is in them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Pair, Server, binary};

/// What others may do with files and folders below, wherever that is anything.
fn open_to_others(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    let mut paths = vec![folder.to_owned()];
    while let Some(path) = paths.pop() {
        // A file that is gone by now is not open to others.
        let Ok(metadata) = std::fs::symlink_metadata(&path) else { continue };
        let mode = metadata.permissions().mode();
        if mode & 0o077 != 0 && !metadata.is_symlink() {
            found.push((path.clone(), mode & 0o777));
        }
        if metadata.is_dir() {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            paths.extend(entries.map(|entry| entry.path()));
        }
    }
    found
}

fn open(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its owner may");
}

#[tokio::test]
async fn a_folder_that_was_made_by_hand_is_closed_with_all_that_comes_into_it() {
    let upstream = Server::upstream_prepared(|data, _| {
        std::fs::create_dir_all(data).expect("it can be made");
        open(data, 0o755);
    });
    upstream.pushed_repository(false).await;
    assert_eq!(open_to_others(&upstream.data()), []);
}

#[tokio::test]
async fn what_was_open_before_is_closed_when_a_role_is_ready() {
    let mut pair = Pair::start().await;
    let (repository, _checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    for server in [&mut pair.upstream, &mut pair.mirror] {
        assert_eq!(open_to_others(&server.data()), []);
        server.kill();
        let data = server.data();
        let shared = data.join("repositories");
        for (path, mode) in [(&data, 0o755), (&shared, 0o777), (&data.join("owner.json"), 0o666)] {
            open(path, mode);
        }
        server.restart();
        assert_eq!(open_to_others(&server.data()), []);
    }
}

#[test]
fn an_open_folder_with_what_is_not_ours_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    open(folder.path(), 0o755);
    std::fs::write(folder.path().join("passwd"), "of another program").expect("a file can be written");
    open(&folder.path().join("passwd"), 0o644);
    let data = folder.path().to_str().expect("is UTF-8");
    let start = ["upstream", "--listen", "127.0.0.1:0", "--data", data];
    let output = Command::new(binary()).args(start).stdin(Stdio::null()).output().expect("it can be started");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains(data) && text.contains("chmod 700"), "{text}");
    assert_eq!(open_to_others(folder.path()).len(), 2);
}
