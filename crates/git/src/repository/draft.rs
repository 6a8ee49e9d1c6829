//! A repository that is being made beside the place where readers look for it, and put there when it is whole.

use std::io;

use tempfile::TempDir;

use super::trash::exchange;
use crate::disk::{blocking, sync_tree};
use crate::process::Durability;
use crate::repository::{Origin, Repository, RepositoryStore, TrashReason};

/// A repository that no client sees yet. It is deleted when it is dropped before it was put in its place.
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

    /// Puts it in its place, at once; what was there before goes into the trash.
    pub async fn put_in_place(self, reason: TrashReason, origin: Origin) -> io::Result<Repository> {
        let Self { folder, repository, store } = self;
        let id = repository.id();
        let (place, trash, shared) = (store.place_of(id), store.trash_folder(), store.shared());
        let made = repository.path().to_owned();
        let durability = repository.git().durability();
        // What is looked up in one folder must not be removed in the other.
        let _no_removal = store.repository(id).removals().hold_off().await;
        blocking(move || {
            if durability == Durability::Strict {
                sync_tree(&made)?;
            }
            let exchanged = exchange(&trash, &made, &place, (id, reason, origin));
            shared.forget(id);
            exchanged?;
            // It was made whole before it came here.
            shared.first_looks.note(id);
            folder.close()
        })
        .await?;
        Ok(store.repository(id))
    }
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::{ObjectFormat, RefName};

    use crate::fixture::Workshop;
    use crate::repository::{OpenError, Origin, TrashReason};

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
            let put = draft.put_in_place(TrashReason::Damaged, Origin::default()).await.expect("put");
            let opened = store.open(id).await.expect("there");
            assert_eq!(opened.path(), put.path());
            assert_eq!(opened.head().await.expect("readable"), Some(branch("new")));
            let format = opened.snapshot().await.expect("readable").object_format();
            assert_eq!(format, Some(ObjectFormat::Sha256), "what was known of the other one is forgotten");
        }
        let trashed = store.trashed().await.expect("listable");
        assert_eq!(trashed.len(), 1, "{trashed:?}");
        let head = std::fs::read_to_string(trashed[0].path.join("HEAD")).expect("readable");
        assert_eq!((trashed[0].local_id, head.as_str()), (7, "ref: refs/heads/old\n"));
        assert!(store.root().join("incoming").read_dir().expect("listable").next().is_none());
    }
}
