//! Repositories without a record, and recorded ones that are not served.

mod adopt_repository;
mod get_repository_faults;
mod restore_repository;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Server, remove_folder};

pub const FAULTS: &str = "/rest/api/latest/admin/repository-faults";

/// Where a repository lies on the disk of its upstream.
pub fn place_of(upstream: &Server, number: i64) -> PathBuf {
    upstream.data().join(format!("repositories/{:02x}/{number}.git", number % 256))
}

/// Lays a copy of a repository's folder into the place of another number, as a repository of its own.
pub fn lay_on_disk(upstream: &Server, repository: &Value, number: i64) {
    let source = place_of(upstream, repository["id"].as_i64().expect("a repository has an id"));
    let copy = place_of(upstream, number);
    copy_folder(&source, &copy);
    std::fs::remove_file(copy.join("heliostat-identity")).expect("repositories have identities");
}

fn copy_folder(source: &Path, target: &Path) {
    std::fs::create_dir_all(target).expect("a folder can be made");
    for entry in std::fs::read_dir(source).expect("a folder can be listed") {
        let from = entry.expect("an entry can be read").path();
        let to = target.join(from.file_name().expect("entries have names"));
        match from.is_dir() {
            true => copy_folder(&from, &to),
            false => drop(std::fs::copy(&from, &to).expect("a file can be copied")),
        }
    }
}

/// Takes a repository off the disk.
pub fn take_off_disk(upstream: &Server, repository: &Value) {
    remove_folder(&place_of(upstream, repository["id"].as_i64().expect("a repository has an id")));
}
