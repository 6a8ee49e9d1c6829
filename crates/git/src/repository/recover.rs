//! What a run that was killed has left in a store is cleaned up before the next one begins. No repository is.

use std::io;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::disk::blocking;
use crate::process::end_orphans;
use crate::repository::{RepositoryStore, STALE_LOCK_AGE};

/// So many threads look through the repositories, because nothing is served meanwhile. They mostly wait for the disk.
const PARALLEL_CLEANUPS: usize = 8;

impl RepositoryStore {
    /// Cleans up after a run that was killed: drafts, what was being deleted from the trash, lock files that would block
    /// the next change, and what a fetch had not finished. Call it once, before anything else works on this store. Returns how many lock files it removed.
    pub async fn recover(&self) -> io::Result<usize> {
        let root = self.root().to_owned();
        let ended = blocking(move || Ok(end_orphans(&root))).await?;
        // Where processes cannot be seen, one that has outlived the last run may still be at work.
        let stale_lock_age = ended.map_or(STALE_LOCK_AGE, |_| Duration::ZERO);
        self.clear_drafts().await?;
        let ids = self.list().await?;
        let share = ids.len().div_ceil(PARALLEL_CLEANUPS).max(1);
        let cleanups = ids.chunks(share).map(|ids| {
            let (store, ids) = (self.clone(), ids.to_vec());
            blocking(move || {
                let cleared = ids.iter().map(|id| store.repository(*id).clear_after_kill(stale_lock_age));
                cleared.sum::<io::Result<usize>>()
            })
        });
        Ok(try_join_all(cleanups).await?.into_iter().sum())
    }

    /// Deletes what is left of repositories that were being created, or deleted from the trash, when the last run ended.
    async fn clear_drafts(&self) -> io::Result<()> {
        let folders = [self.incoming(), self.discarded_folder()];
        blocking(move || {
            for entry in
                folders.iter().map(std::fs::read_dir).collect::<io::Result<Vec<_>>>()?.into_iter().flatten()
            {
                std::fs::remove_dir_all(entry?.path())?;
            }
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::RefName;

    use crate::fixture::Workshop;

    #[tokio::test]
    async fn recovering_deletes_what_a_crash_left_and_no_repository() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        store.create(1, &RefName::branch("main").expect("valid")).await.expect("created");
        let trashed = store.trash_folder().join("9-x/repository.git/objects");
        std::fs::create_dir_all(&trashed).expect("folder");
        std::fs::create_dir_all(store.discarded_folder().join("7-x/repository.git")).expect("folder");
        std::fs::create_dir_all(store.incoming().join("8-x")).expect("folder");
        store.recover().await.expect("recovered");
        assert!(trashed.exists());
        for folder in [store.incoming(), store.discarded_folder()] {
            assert!(folder.read_dir().expect("listable").next().is_none());
        }
        assert_eq!(store.list().await.expect("listable"), [1]);
    }
}
