//! Tells the binary which commit it is built from, for the metric `heliostat_build_info`.
//!
//! `SOURCE_COMMIT` says it where the sources lie in no checkout of their own, and counts before everything else. Otherwise
//! it is read from the files of the checkout, and this crate alone is built again when another commit is checked out.

use std::fs;
use std::path::{Path, PathBuf};

const SOURCE_COMMIT: &str = "SOURCE_COMMIT";

/// How long the names of commits are, in hex digits: SHA-1 and SHA-256.
const NAME_LENGTHS: [usize; 2] = [40, 64];

fn main() {
    println!("cargo::rerun-if-env-changed={SOURCE_COMMIT}");
    let told = std::env::var(SOURCE_COMMIT).ok().filter(|commit| !commit.is_empty());
    let commit = told.or_else(checked_out).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env={SOURCE_COMMIT}={commit}");
}

/// The commit of the checkout that this folder belongs to, if there is one.
fn checked_out() -> Option<String> {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?).join("../..");
    let folder = git_folder(&root)?;
    // A further worktree has a HEAD of its own, and its branches elsewhere.
    let shared = read(&folder.join("commondir")).map_or_else(|| folder.clone(), |path| folder.join(path));
    watch(&folder.join("logs/HEAD"));
    let head = read_watched(&folder.join("HEAD"))?;
    let commit = match head.strip_prefix("ref: ") {
        None => head,
        Some(name) => read_watched(&shared.join(name)).or_else(|| packed(&shared, name))?,
    };
    let is_name = NAME_LENGTHS.contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_name.then_some(commit)
}

/// The folder of git, which a further worktree names in a file.
fn git_folder(root: &Path) -> Option<PathBuf> {
    let place = root.join(".git");
    if place.is_dir() {
        return Some(place);
    }
    Some(root.join(read(&place)?.strip_prefix("gitdir: ")?))
}

/// What a reference leads to that has no file of its own.
fn packed(shared: &Path, name: &str) -> Option<String> {
    let references = read_watched(&shared.join("packed-refs"))?;
    let mut pairs = references.lines().filter_map(|line| line.split_once(' '));
    pairs.find(|(_, reference)| *reference == name).map(|(commit, _)| commit.to_owned())
}

fn read_watched(path: &Path) -> Option<String> {
    watch(path);
    read(path)
}

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim_end().to_owned())
}

/// Has this run again when the file changes. For one that is not there it would run each time.
fn watch(path: &Path) {
    if path.is_file() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}
