//! The first look at each repository since the start: a client that reads is shown nothing of a repository before that.
//!
//! References may be right although the objects that they name are gone. Each look counts, whatever it was made for; where
//! none was made yet, the first client that reads has one made, and all that come meanwhile wait for it.

use std::collections::HashSet;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::Semaphore;

use super::store::{OpenError, RepositoryStore};
use crate::process::Fault;
use crate::repository::Locks;

/// How long a client waits for it. It opens each pack once: mostly it takes milliseconds.
const FIRST_LOOK_PATIENCE: Duration = Duration::from_secs(20);

/// How many go on at the same time for clients.
const PARALLEL_LOOKS: usize = 16;

/// Which repositories of a store were looked at.
#[derive(Debug)]
pub(crate) struct FirstLooks {
    over: RwLock<HashSet<u64>>,
    /// Held by the one that looks.
    turns: Locks<tokio::sync::Mutex<()>>,
    places: Semaphore,
}

impl Default for FirstLooks {
    fn default() -> Self {
        Self { over: RwLock::default(), turns: Locks::default(), places: Semaphore::new(PARALLEL_LOOKS) }
    }
}

impl FirstLooks {
    /// Notes that a repository was looked at and found whole, or was made whole.
    pub(super) fn note(&self, repository: u64) {
        if !self.is_over(repository) {
            self.over.write().insert(repository);
        }
    }

    /// The next client has it looked at again.
    pub(super) fn forget(&self, repository: u64) {
        self.over.write().remove(&repository);
    }

    fn is_over(&self, repository: u64) -> bool {
        self.over.read().contains(&repository)
    }
}

impl RepositoryStore {
    /// Waits until a repository was looked at and found whole.
    pub(super) async fn until_looked_at(&self, id: u64) -> Result<(), OpenError> {
        let shared = self.shared();
        if shared.first_looks.is_over(id) {
            return Ok(());
        }
        let looking = async {
            let turn = shared.first_looks.turns.of(id).lock_owned().await;
            if shared.first_looks.is_over(id) {
                return Ok(());
            }
            let store = self.clone();
            // It goes on although no client waits for it any more.
            let look = tokio::spawn(async move {
                let _turn = turn;
                store.look_first(id).await
            });
            let crashed = |error: tokio::task::JoinError| {
                Err(OpenError::CannotReadNow { id, reason: error.to_string() })
            };
            look.await.unwrap_or_else(crashed)
        };
        let in_time = tokio::time::timeout(FIRST_LOOK_PATIENCE, looking).await;
        in_time.unwrap_or(Err(OpenError::BeingLookedAt(id)))
    }

    async fn look_first(&self, id: u64) -> Result<(), OpenError> {
        let shared = self.shared();
        let _place = shared.first_looks.places.acquire().await;
        let repository = self.open(id).await?;
        let Err(fault) = repository.look().await else { return Ok(()) };
        if fault.is_damage() {
            repository.suspect(&fault);
        }
        Err(match fault {
            Fault::Damaged(reason) => OpenError::Broken { id, reason },
            Fault::CannotReadNow(reason) => OpenError::CannotReadNow { id, reason },
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::Workshop;
    use crate::repository::{OpenError, RepositoryStore};

    /// The store as another process opens it.
    fn opened_anew(workshop: &Workshop, store: &RepositoryStore) -> RepositoryStore {
        let memory = crate::refs::DEFAULT_REF_MEMORY_BYTES;
        RepositoryStore::new(workshop.git.clone(), store.root().to_owned(), memory).expect("a store")
    }

    #[tokio::test]
    async fn a_client_is_shown_nothing_after_a_start_before_a_look_has_found_it_whole() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        let main = heliostat_git_wire::RefName::branch("main").expect("valid");
        let repository = store.create(7, &main).await.expect("created");
        let commit = workshop.commit(&repository, "main");
        let commit = commit.trim();
        let object = repository.path().join("objects").join(&commit[..2]).join(&commit[2..]);
        let content = std::fs::read(&object).expect("readable");
        std::fs::remove_file(&object).expect("removed");
        assert_eq!(store.open_for_serving(7).await.expect("made here").id(), 7);

        let store = opened_anew(&workshop, &store);
        let (one, other) = tokio::join!(store.open_for_serving(7), store.open_for_serving(7));
        for refused in [one, other] {
            assert!(matches!(refused, Err(OpenError::Broken { id: 7, .. })), "{refused:?}");
        }
        std::fs::write(&object, content).expect("written");
        store.open_for_serving(7).await.expect("whole again");

        // What was looked at is served without another look, until it is forgotten.
        std::fs::remove_file(&object).expect("removed");
        store.open_for_serving(7).await.expect("looked at");
        store.forget(7);
        assert!(store.open_for_serving(7).await.is_err());
    }

    #[tokio::test]
    async fn a_look_for_another_reason_counts() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        let main = heliostat_git_wire::RefName::branch("main").expect("valid");
        store.create(7, &main).await.expect("created");
        let store = opened_anew(&workshop, &store);
        store.repository(7).look().await.expect("whole");
        assert!(store.shared().first_looks.is_over(7));
    }
}
