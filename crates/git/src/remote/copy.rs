//! Copying a repository that is in use: everything that its references need, as they are at one moment.
//!
//! The objects come through `git fetch`, which reads a repository safely while others push into it and tidy it up, and
//! which checks that everything below the references has arrived. So a copy that was made is whole.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use heliostat_git_wire::{INTERNAL_NAMESPACE, RefName};
use thiserror::Error;

use crate::disk::{blocking, sync_tree};
use crate::process::GitError;
use crate::repository::{CreateError, Repository, RepositoryStore};

/// How long copying one repository may take.
const COPY_TIME_LIMIT: Duration = Duration::from_hours(6);

/// The branch that `HEAD` of a copy names when it names none in the original.
const FALLBACK_BRANCH: &str = "main";

/// Why a repository was not copied.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CopyError {
    /// There is no room for the copy.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// The original cannot be read, or the copy not be written.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The file system failed.
    #[error("cannot read repository {id}, or bring its copy to the disk")]
    Io {
        /// Which repository.
        id: u64,
        /// Why it failed.
        #[source]
        error: io::Error,
    },
}

/// Makes a copy of a repository in a store that has none with its number. A power failure takes nothing from it once
/// this has returned; after a failure there is none.
pub async fn copy_repository(source: &Repository, into: &RepositoryStore) -> Result<(), CopyError> {
    let format = source.object_format().await?;
    let branch = RefName::branch(FALLBACK_BRANCH).expect("a valid name");
    let copy = into.create_with_format(source.id(), &branch, format).await?;
    let filled = fill(source, &copy).await;
    if filled.is_err() {
        let path = copy.path().to_owned();
        blocking(move || std::fs::remove_dir_all(path)).await.ok();
    }
    filled
}

async fn fill(source: &Repository, copy: &Repository) -> Result<(), CopyError> {
    if let Some(head) = source.head().await? {
        copy.set_head(&head).await?;
    }
    let io_error = |error| CopyError::Io { id: source.id(), error };
    if let Some(identity) = source.notes().identity().await.map_err(io_error)? {
        copy.notes().set_identity(&identity).await.map_err(io_error)?;
    }
    let options = ["fetch", "--quiet", "--atomic", "--force", "--no-tags", "--update-shallow"];
    let command = copy.command("copy a repository").args(options).yielding().time_limit(COPY_TIME_LIMIT);
    let command = command.args(["--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"]);
    let command = command.arg(reading_program(source)).arg("--").arg(source.path());
    // One pack, however small: a copy is made of few files.
    let command = command.setting("fetch.unpackLimit", "1");
    command.args(["+refs/*:refs/*", &format!("^{INTERNAL_NAMESPACE}*")]).run().await?;
    copy.command("pack references").args(["pack-refs", "--all"]).run().await?;
    let io_error = |error| CopyError::Io { id: source.id(), error };
    if let Some(identity) = source.notes().identity().await.map_err(io_error)? {
        copy.notes().set_identity(&identity).await.map_err(io_error)?;
    }
    let path = copy.path().to_owned();
    blocking(move || sync_tree(&path)).await.map_err(io_error)
}

/// Git starts the process that reads in a fresh environment: the owner of the folder is checked there unless it is
/// told once more that the installation takes care of that.
fn reading_program(source: &Repository) -> OsString {
    let program = source.git().program().as_os_str().as_encoded_bytes();
    let quoted = program.split(|byte| *byte == b'\'').collect::<Vec<_>>().join(&b"'\\''"[..]);
    let command = [b"--upload-pack='", &quoted[..], b"' -c safe.directory='*' upload-pack"].concat();
    OsString::from_vec(command)
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::ObjectFormat;

    use super::*;
    use crate::fixture::Workshop;
    use crate::refs::DEFAULT_REF_MEMORY_BYTES;

    #[tokio::test]
    async fn a_copy_has_what_the_references_of_the_original_need() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        let backup =
            RepositoryStore::new(workshop.git.clone(), workshop.path("copies"), DEFAULT_REF_MEMORY_BYTES);
        let backup = backup.expect("a store");
        for (id, format) in [(1, ObjectFormat::Sha1), (2, ObjectFormat::Sha256)] {
            let trunk = RefName::branch("trunk").expect("valid");
            let source = store.create_with_format(id, &trunk, format).await.expect("created");
            workshop.commit(&source, "trunk");
            workshop.commit(&source, "a/b");
            workshop.run(source.path(), &["tag", "-a", "-m", "annotated", "v1", "trunk"]);
            workshop.run(source.path(), &["update-ref", "refs/heliostat/x", "trunk"]);
            source.notes().set_identity("the same").await.expect("writable");
            copy_repository(&source, &backup).await.expect("copied");
            let copy = backup.open(id).await.expect("there");
            assert_eq!(copy.notes().identity().await.expect("readable").as_deref(), Some("the same"));
            assert_eq!(copy.refs().await.expect("readable"), source.refs().await.expect("readable"));
            assert_eq!(copy.head().await.expect("readable"), Some(trunk));
            copy.verify().await.expect("whole");
            let again = copy_repository(&source, &backup).await;
            assert!(matches!(again, Err(CopyError::Create(CreateError::Exists(_)))), "{again:?}");
        }
    }

    #[tokio::test]
    async fn an_empty_repository_is_copied_and_a_damaged_one_is_not() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        let backup =
            RepositoryStore::new(workshop.git.clone(), workshop.path("copies"), DEFAULT_REF_MEMORY_BYTES);
        let backup = backup.expect("a store");
        let main = RefName::branch("main").expect("valid");
        let source = store.create(1, &main).await.expect("created");
        copy_repository(&source, &backup).await.expect("copied");
        let damaged = store.create(2, &main).await.expect("created");
        workshop.commit(&damaged, "main");
        let tree = workshop.run(damaged.path(), &["rev-parse", "main^{tree}"]);
        let (folder, file) = tree.trim().split_at(2);
        std::fs::remove_file(damaged.path().join("objects").join(folder).join(file)).expect("a loose object");
        assert!(copy_repository(&damaged, &backup).await.is_err());
    }
}
