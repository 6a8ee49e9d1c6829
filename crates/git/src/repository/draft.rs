//! A repository that is being made beside the place where readers look for it, and put there when it is whole.

use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use crate::disk::blocking;
use crate::repository::store::sync_parent_of;
use crate::repository::{Repository, RepositoryStore};

/// A repository that nobody sees yet. It is deleted when it is dropped before it was put in its place.
#[derive(Debug)]
pub struct RepositoryDraft {
    folder: TempDir,
    repository: Repository,
    store: RepositoryStore,
}

impl RepositoryDraft {
    pub(super) fn new(folder: TempDir, repository: Repository, store: RepositoryStore) -> Self {
        Self { folder, repository, store }
    }

    /// The repository, to be filled.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Puts it in its place, at once, and deletes what was there before.
    pub async fn put_in_place(self) -> io::Result<Repository> {
        let Self { folder, repository, store } = self;
        let id = repository.id();
        let place = store.place_of(id);
        let (made, destination, shared) = (repository.path().to_owned(), place.clone(), store.shared());
        blocking(move || {
            let replaced = replace(&made, &destination);
            shared.refs.forget(id);
            replaced?;
            folder.close()
        })
        .await?;
        Ok(store.repository_at(id, place))
    }
}

/// After this, what was made is in the place, and what was there before is where that was.
fn replace(made: &Path, place: &Path) -> io::Result<()> {
    let parent = place.parent().expect("a place lies in a folder of the root");
    std::fs::create_dir_all(parent)?;
    match renameat_with(CWD, made, CWD, place, RenameFlags::EXCHANGE).map_err(io::Error::from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::fs::rename(made, place)?,
        // The file system cannot exchange two folders: for a moment there is none.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            std::fs::rename(place, made.with_file_name("replaced.git"))?;
            std::fs::rename(made, place)?;
        }
        exchanged => exchanged?,
    }
    sync_parent_of(place)?;
    sync_parent_of(parent)
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::{ObjectFormat, RefName};

    use crate::fixture::Workshop;
    use crate::repository::OpenError;

    #[tokio::test]
    async fn a_draft_takes_its_place_whole_and_in_one_step() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        let branch = |name: &str| RefName::branch(name).expect("valid");
        let old = store.create(7, &branch("old")).await.expect("created");
        assert!(old.snapshot().await.expect("readable").is_empty());

        let dropped = store.draft(7, &branch("dropped"), ObjectFormat::Sha1).await.expect("made");
        let left = dropped.repository().path().to_owned();
        drop(dropped);
        assert!(!left.exists());
        assert_eq!(old.head().await.expect("readable"), Some(branch("old")));

        for id in [7, 8] {
            let draft = store.draft(id, &branch("new"), ObjectFormat::Sha256).await.expect("made");
            if id == 8 {
                assert!(matches!(store.open(8).await, Err(OpenError::Missing(8))));
            }
            let put = draft.put_in_place().await.expect("put");
            let opened = store.open(id).await.expect("there");
            assert_eq!(opened.path(), put.path());
            assert_eq!(opened.head().await.expect("readable"), Some(branch("new")));
            let format = opened.snapshot().await.expect("readable").object_format();
            assert_eq!(format, Some(ObjectFormat::Sha256), "what was known of the other one is forgotten");
        }
        assert!(store.root().join("incoming").read_dir().expect("listable").next().is_none());
    }
}
