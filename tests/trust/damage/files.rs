//! The kinds of files that a repository consists of, and what can be done to one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{git, git_output};

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Head,
    Config,
    PackedRefs,
    LooseRef,
    LooseObject,
    Pack,
    Index,
    ReverseIndex,
    Bitmap,
    CommitGraph,
    MultiPackIndex,
}

/// All of them.
pub const KINDS: [Kind; 11] = [
    Kind::Head,
    Kind::Config,
    Kind::PackedRefs,
    Kind::LooseRef,
    Kind::LooseObject,
    Kind::Pack,
    Kind::Index,
    Kind::ReverseIndex,
    Kind::Bitmap,
    Kind::CommitGraph,
    Kind::MultiPackIndex,
];

/// What happens to a file.
#[derive(Debug, Clone, Copy)]
pub enum Damage {
    /// It has no bytes any more.
    Emptied,
    /// It has half of them.
    Cut,
    /// It is gone.
    Removed,
}

/// All that can happen.
const DAMAGES: [Damage; 3] = [Damage::Emptied, Damage::Cut, Damage::Removed];

/// Every kind of file in every way.
pub fn all_damages() -> Vec<(Kind, Damage)> {
    KINDS.into_iter().flat_map(|kind| DAMAGES.map(|damage| (kind, damage))).collect()
}

/// What the server does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// It is started afterwards.
    Down,
    /// It goes on.
    Running,
}

impl Kind {
    /// A file of this kind, if the repository has one. Of loose files those of the newest commit, which readers need.
    pub fn find(self, repository: &Path) -> Option<PathBuf> {
        let path = match self {
            Self::Head => repository.join("HEAD"),
            Self::Config => repository.join("config"),
            Self::PackedRefs => repository.join("packed-refs"),
            Self::LooseRef => repository.join("refs/heads/main"),
            Self::LooseObject => {
                let newest = git_output(repository, &["rev-parse", "refs/heads/main"]).stdout;
                let newest = String::from_utf8(newest).ok()?;
                let (folder, rest) = newest.trim().split_at_checked(2)?;
                repository.join("objects").join(folder).join(rest)
            }
            Self::CommitGraph => repository.join("objects/info/commit-graph"),
            Self::Pack => largest(repository, "pack")?,
            Self::Index => largest(repository, "pack")?.with_extension("idx"),
            Self::ReverseIndex => largest(repository, "pack")?.with_extension("rev"),
            Self::Bitmap => largest(repository, "bitmap")?,
            Self::MultiPackIndex => repository.join("objects/pack/multi-pack-index"),
        };
        path.is_file().then_some(path)
    }

    /// Whether git makes it from other files, and makes it anew.
    pub fn is_derived(self) -> bool {
        [Self::ReverseIndex, Self::Bitmap, Self::CommitGraph, Self::MultiPackIndex].contains(&self)
    }
}

impl Damage {
    /// Does it.
    pub fn inflict(self, path: &Path) {
        let file = || fs::File::options().write(true).open(path).expect("root may write");
        match self {
            Self::Emptied => file().set_len(0).expect("a file can be emptied"),
            Self::Cut => {
                let length = fs::metadata(path).expect("it is there").len();
                file().set_len(length / 2).expect("a file can be cut");
            }
            Self::Removed => fs::remove_file(path).expect("a file can be removed"),
        }
    }
}

/// Gives a repository that is not in use now all kinds of files that are made from others.
pub fn make_all_kinds(repository: &Path) {
    git(repository, &["repack", "-a", "-d", "-q", "--write-bitmap-index"]);
    git(repository, &["multi-pack-index", "write"]);
    git(repository, &["commit-graph", "write", "--reachable"]);
    git(repository, &["pack-refs", "--all"]);
}

fn largest(repository: &Path, extension: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(repository.join("objects/pack")).ok()?.flatten().map(|entry| entry.path());
    let of_kind = entries.filter(|path| path.extension().is_some_and(|found| found == extension));
    of_kind.max_by_key(|path| fs::metadata(path).map_or(0, |metadata| metadata.len()))
}
